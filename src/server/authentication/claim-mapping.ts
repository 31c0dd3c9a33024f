import { type CelProgram, compileCel } from "../../expr/cel/cel.ts";
import { bool, type CelType, dyn, listOf, mapOf, objectType, string } from "../../expr/cel/cel-type.ts";
import { toJson } from "../../expr/cel/json-value.ts";
import { Fault } from "../../lib/fault.ts";
import type { UserInfo } from "../exchange.ts";
import type { Claims } from "./json-web-token.ts";

/** A claim taken as it is after a prefix, or an expression over all of them. */
export interface PrefixedClaim {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

export interface ClaimRules {
  readonly claimValidationRules?: readonly {
    readonly claim?: string;
    readonly requiredValue?: string;
    readonly expression?: string;
    readonly message?: string;
  }[];
  readonly claimMappings: {
    readonly username: PrefixedClaim;
    readonly groups?: PrefixedClaim;
    readonly uid?: { readonly claim?: string; readonly expression?: string };
    readonly extra?: readonly { readonly key: string; readonly valueExpression: string }[];
  };
  readonly userValidationRules?: readonly { readonly expression: string; readonly message?: string }[];
}

/** Why a token's claims name nobody. */
export class ClaimsRefused extends Error {}

type Check = (claims: Claims) => void;
type Read<T> = (claims: Claims) => T;

const costLimit = 1_000_000;
const claimsType = mapOf(string, dyn);
const userType = objectType("kubernetes.UserInfo", {
  username: string,
  uid: string,
  groups: listOf(string),
  extra: mapOf(string, listOf(string)),
});

/** Reads users out of claims by the rules of one issuer. Throws Fault `invalid` for rules that make no sense. */
export function claimMapper(rules: ClaimRules, place: string): (claims: Claims) => UserInfo {
  const { claimMappings, claimValidationRules = [], userValidationRules = [] } = rules;
  const checks = claimValidationRules.map((rule, index) => validation(rule, `${place}.claimValidationRules[${index}]`));
  const username = usernameOf(claimMappings.username, `${place}.claimMappings.username`);
  const groups = groupsOf(claimMappings.groups, `${place}.claimMappings.groups`);
  const uid = uidOf(claimMappings.uid, `${place}.claimMappings.uid`);
  const extra = extraReader(claimMappings.extra ?? [], `${place}.claimMappings.extra`);
  const userChecks = userValidationRules.map(({ expression, message }, index) => {
    const here = `${place}.userValidationRules[${index}].expression`;
    return { program: program(expression, { user: userType }, here, bool), message: message ?? failedText(expression) };
  });
  return (claims) => {
    const name = username(claims);
    const members = groups(claims);
    const id = uid(claims);
    const more = extra(claims);
    for (const check of checks) check(claims);
    const user = { username: name, uid: id ?? "", groups: members, extra: more };
    for (const { program: rule, message } of userChecks) {
      if (evaluate(rule, { user }) !== true)
        throw new ClaimsRefused(`error evaluating user info validation rule: ${message}`);
    }
    return {
      name,
      groups: members,
      ...(id ? { uid: id } : {}),
      ...(Object.keys(more).length > 0 ? { extra: more } : {}),
    };
  };
}

const failedText = (expression: string) => `validation expression '${expression}' failed`;

function program(
  source: string,
  variables: Readonly<Record<string, CelType>>,
  place: string,
  output?: CelType,
): CelProgram {
  const compiled = compileCel(source, { variables });
  if (!compiled.ok) {
    throw new Fault(
      "invalid",
      `${place}: compilation failed: ${compiled.errors.map(({ display }) => display).join("\n")}`,
    );
  }
  const { kind } = compiled.program.outputType;
  if (output && kind !== output.kind && kind !== "dyn") {
    throw new Fault("invalid", `${place}: must evaluate to ${output.kind}`);
  }
  return compiled.program;
}

function evaluate(rule: CelProgram, variables: Readonly<Record<string, unknown>>): unknown {
  const result = rule.evaluate(variables, { costLimit });
  if (!result.ok) throw new ClaimsRefused(result.error);
  return toJson(result.value);
}

function validation(rule: NonNullable<ClaimRules["claimValidationRules"]>[number], place: string): Check {
  const { claim, requiredValue = "", expression, message } = rule;
  if (expression !== undefined) {
    const compiled = program(expression, { claims: claimsType }, `${place}.expression`, bool);
    return (claims) => {
      if (evaluate(compiled, { claims }) !== true) {
        throw new ClaimsRefused(`error evaluating claim validation expression: ${message ?? failedText(expression)}`);
      }
    };
  }
  if (!claim) throw new Fault("invalid", `${place}: claim or expression is required`);
  return (claims) => {
    const value = claims[claim];
    if (value === undefined) throw new ClaimsRefused(`oidc: required claim ${claim} not present in ID token`);
    if (value !== requiredValue) {
      throw new ClaimsRefused(
        `oidc: required claim ${claim} value does not match. Got = ${String(value)}, want = ${requiredValue}`,
      );
    }
  };
}

function usernameOf({ claim, prefix = "", expression }: PrefixedClaim, place: string): Read<string> {
  if (expression !== undefined) {
    // An address that the issuer has not verified may be anybody's; a rule that uses it must look.
    if (/claims\.email\b(?!_verified)/.test(expression) && !/claims\.(?:\?)?email_verified\b/.test(expression)) {
      throw new Fault(
        "invalid",
        `${place}.expression: claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression`,
      );
    }
    const compiled = program(expression, { claims: claimsType }, `${place}.expression`, string);
    return (claims) => nonEmpty(evaluate(compiled, { claims }));
  }
  if (!claim) throw new Fault("invalid", `${place}: claim or expression is required`);
  return (claims) => {
    const value = claims[claim];
    if (value === undefined) throw new ClaimsRefused(`oidc: parse username claims "${claim}": claim not present`);
    if (claim === "email" && claims.email_verified !== undefined && claims.email_verified !== true) {
      throw new ClaimsRefused("oidc: email not verified");
    }
    return prefix + nonEmpty(value);
  };
}

function nonEmpty(value: unknown): string {
  if (typeof value !== "string" || value === "") {
    throw new ClaimsRefused("oidc: the username is empty or no text");
  }
  return value;
}

function groupsOf(mapping: PrefixedClaim | undefined, place: string): Read<readonly string[]> {
  if (mapping?.expression !== undefined) {
    const compiled = program(mapping.expression, { claims: claimsType }, `${place}.expression`);
    return (claims) => texts(evaluate(compiled, { claims }), `${place}.expression`);
  }
  const { claim, prefix = "" } = mapping ?? {};
  if (!claim) return () => [];
  return (claims) => texts(claims[claim], `groups claim "${claim}"`).map((group) => prefix + group);
}

function uidOf(
  mapping: { readonly claim?: string; readonly expression?: string } | undefined,
  place: string,
): Read<string | undefined> {
  const { claim, expression } = mapping ?? {};
  if (expression !== undefined) {
    const compiled = program(expression, { claims: claimsType }, `${place}.expression`, string);
    return (claims) => String(evaluate(compiled, { claims }));
  }
  if (!claim) return () => undefined;
  return (claims) => {
    const value = claims[claim];
    if (typeof value !== "string") throw new ClaimsRefused(`oidc: parse uid claim "${claim}": claim not present`);
    return value;
  };
}

function extraReader(
  mappings: readonly { readonly key: string; readonly valueExpression: string }[],
  place: string,
): Read<Readonly<Record<string, readonly string[]>>> {
  const readers = mappings.map(({ key, valueExpression }, index) => {
    const here = `${place}[${index}]`;
    if (key !== key.toLowerCase() || !key.includes("/")) {
      throw new Fault("invalid", `${here}.key: must be a domain-prefix path (e.g. example.org/foo) in lower case`);
    }
    if (/^([^/]*\.)?(k8s|kubernetes)\.io\//.test(key)) {
      throw new Fault(
        "invalid",
        `${here}.key: k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use`,
      );
    }
    return { key, compiled: program(valueExpression, { claims: claimsType }, `${here}.valueExpression`) };
  });
  return (claims) => {
    const found: Record<string, readonly string[]> = {};
    for (const { key, compiled } of readers) {
      const values = texts(evaluate(compiled, { claims }), key).filter((value) => value !== "");
      if (values.length > 0) found[key] = values;
    }
    return found;
  };
}

/** A text, a list of texts, or nothing. */
function texts(value: unknown, what: string): readonly string[] {
  if (value === undefined || value === null || value === "") return [];
  const list = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
    throw new ClaimsRefused(`oidc: ${what} must be a text or a list of texts`);
  }
  return list as readonly string[];
}
