import { fixed } from "../cost-rule.ts";
import { type Overload, overload } from "../overload.ts";
import { CelError, CelOpaque, type CelOutcome } from "../value.ts";

/** What an expression asks an authorizer. A path is set for requests that are not for resources. */
export interface AuthorizerQuestion {
  readonly verb: string;
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Ask about this service account, not about who sent the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
}

/** What it answers; `error` where it could not decide. */
export interface AuthorizerAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

/** Decides at once, without waiting: expressions do not wait. */
export type DecideAuthorization = (question: AuthorizerQuestion) => AuthorizerAnswer;

type AuthorizerType =
  | "kubernetes.authorization.Authorizer"
  | "kubernetes.authorization.PathCheck"
  | "kubernetes.authorization.GroupCheck"
  | "kubernetes.authorization.ResourceCheck";

/** An authorizer, or a question to it that is being put together. */
class AskingValue extends CelOpaque {
  readonly typeName: AuthorizerType;
  readonly decide: DecideAuthorization;
  readonly question: Omit<AuthorizerQuestion, "verb">;
  constructor(typeName: AuthorizerType, decide: DecideAuthorization, question: Omit<AuthorizerQuestion, "verb">) {
    super();
    this.typeName = typeName;
    this.decide = decide;
    this.question = question;
  }
  equals(other: CelOpaque): boolean {
    return other === this;
  }
  with(type: AuthorizerType, more: Omit<AuthorizerQuestion, "verb">): AskingValue {
    return new AskingValue(type, this.decide, { ...this.question, ...more });
  }
}

class DecisionValue extends CelOpaque {
  readonly typeName = "kubernetes.authorization.Decision";
  readonly answer: AuthorizerAnswer;
  constructor(answer: AuthorizerAnswer) {
    super();
    this.answer = answer;
  }
  equals(other: CelOpaque): boolean {
    return other === this;
  }
}

/** The value of the variable `authorizer`. */
export function authorizerValue(decide: DecideAuthorization): CelOpaque {
  return new AskingValue("kubernetes.authorization.Authorizer", decide, {});
}

/** The value of the variable `authorizer.requestResource`: the question the request itself answers, but for its verb. */
export function requestResourceValue(
  decide: DecideAuthorization,
  question: Omit<AuthorizerQuestion, "verb">,
): CelOpaque {
  return new AskingValue("kubernetes.authorization.ResourceCheck", decide, question);
}

const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

function serviceAccount(asking: AskingValue, namespace: string, name: string): CelOutcome {
  if (name.length > 253 || !subdomain.test(name)) return new CelError("Invalid service account name");
  if (!label.test(namespace)) return new CelError("Invalid service account namespace");
  return asking.with("kubernetes.authorization.Authorizer", { serviceAccount: { namespace, name } });
}

const check = (asking: AskingValue, verb: string): CelOutcome =>
  new DecisionValue(asking.decide({ ...asking.question, verb }));

const resource = "kubernetes.authorization.ResourceCheck";
/** Dear enough that an expression has only a few. */
const checkCost = fixed(350_000);

function narrowing(field: "subresource" | "namespace" | "name" | "fieldSelector" | "labelSelector"): Overload {
  return overload(field, `${resource}.(string): ${resource}`, (asking: AskingValue, value: string) =>
    asking.with(resource, { [field]: value === "" ? undefined : value }),
  );
}

/** Questions about who may do what. */
export const authorizerLibrary: readonly Overload[] = [
  overload(
    "path",
    "kubernetes.authorization.Authorizer.(string): kubernetes.authorization.PathCheck",
    (asking: AskingValue, path: string) =>
      path.trim() === ""
        ? new CelError("path must not be empty")
        : asking.with("kubernetes.authorization.PathCheck", { path }),
  ),
  overload(
    "group",
    "kubernetes.authorization.Authorizer.(string): kubernetes.authorization.GroupCheck",
    (asking: AskingValue, group: string) => asking.with("kubernetes.authorization.GroupCheck", { group }),
  ),
  overload(
    "serviceAccount",
    "kubernetes.authorization.Authorizer.(string, string): kubernetes.authorization.Authorizer",
    serviceAccount,
  ),
  overload(
    "resource",
    `kubernetes.authorization.GroupCheck.(string): ${resource}`,
    (asking: AskingValue, name: string) =>
      name.trim() === "" ? new CelError("resource must not be empty") : asking.with(resource, { resource: name }),
  ),
  narrowing("subresource"),
  narrowing("namespace"),
  narrowing("name"),
  narrowing("fieldSelector"),
  narrowing("labelSelector"),
  overload("check", "kubernetes.authorization.PathCheck.(string): kubernetes.authorization.Decision", check, checkCost),
  overload("check", `${resource}.(string): kubernetes.authorization.Decision`, check, checkCost),
  overload("allowed", "kubernetes.authorization.Decision.(): bool", ({ answer }: DecisionValue) => answer.allowed),
  overload("reason", "kubernetes.authorization.Decision.(): string", ({ answer }: DecisionValue) => answer.reason),
  overload(
    "errored",
    "kubernetes.authorization.Decision.(): bool",
    ({ answer }: DecisionValue) => answer.error !== undefined,
  ),
  overload("error", "kubernetes.authorization.Decision.(): string", ({ answer }: DecisionValue) => answer.error ?? ""),
];
