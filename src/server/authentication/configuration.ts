import { Fault } from "../../lib/fault.ts";
import { type ConfigNode, configDocument } from "../config-document.ts";
import type { AnonymousAccess } from "./authenticator.ts";
import type { ClaimRules, PrefixedClaim } from "./claim-mapping.ts";
import type { JwtIssuer } from "./oidc.ts";

/** What an AuthenticationConfiguration says. */
export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtIssuer[];
  readonly anonymous?: AnonymousAccess;
}

/** Reads an AuthenticationConfiguration of apiserver.config.k8s.io (`--authentication-config`). Throws Fault `invalid`. */
export function readAuthenticationConfiguration(text: string): AuthenticationConfiguration {
  const file = configDocument(text, "AuthenticationConfiguration", ["v1", "v1beta1", "v1alpha1"]);
  file.only("apiVersion", "kind", "jwt", "anonymous");
  const jwt = file.children("jwt").map(readIssuer);
  for (const [index, { issuer }] of jwt.entries()) {
    if (jwt.findIndex((one) => one.issuer.url === issuer.url) < index) {
      throw new Fault("invalid", `jwt[${index}].issuer.url: Duplicate value: ${JSON.stringify(issuer.url)}`);
    }
  }
  const anonymous = file.child("anonymous");
  return { jwt, ...(anonymous ? { anonymous: readAnonymous(anonymous) } : {}) };
}

function readAnonymous(node: ConfigNode): AnonymousAccess {
  node.only("enabled", "conditions");
  const paths = node.children("conditions").map((condition) => condition.only("path").requiredText("path"));
  if (!node.flag("enabled")) {
    if (paths.length > 0) throw new Fault("invalid", `${node.at("conditions")}: must not be set when enabled is false`);
    return false;
  }
  return paths.length > 0 ? { paths } : true;
}

function readIssuer(node: ConfigNode): JwtIssuer {
  node.only("issuer", "claimValidationRules", "claimMappings", "userValidationRules");
  const issuer = node.requiredChild("issuer");
  issuer.only("url", "discoveryURL", "certificateAuthority", "audiences", "audienceMatchPolicy", "egressSelectorType");
  const url = httpsUrl(issuer, "url");
  const discoveryURL = issuer.has("discoveryURL") ? httpsUrl(issuer, "discoveryURL") : undefined;
  const audiences = issuer.texts("audiences");
  if (audiences.length === 0) throw new Fault("invalid", `${issuer.at("audiences")}: Required value`);
  const policy = issuer.text("audienceMatchPolicy") ?? "";
  if (policy !== "" && policy !== "MatchAny") {
    throw new Fault("invalid", `${issuer.at("audienceMatchPolicy")}: must be empty or MatchAny`);
  }
  if (audiences.length > 1 && policy !== "MatchAny") {
    throw new Fault("invalid", `${issuer.at("audienceMatchPolicy")}: must be MatchAny for multiple audiences`);
  }
  const certificateAuthority = issuer.text("certificateAuthority");
  return {
    issuer: {
      url,
      audiences,
      ...(discoveryURL ? { discoveryURL } : {}),
      ...(certificateAuthority ? { certificateAuthority } : {}),
    },
    claimMappings: readMappings(node.requiredChild("claimMappings")),
    claimValidationRules: node.children("claimValidationRules").map(readClaimRule),
    userValidationRules: node.children("userValidationRules").map((rule) => ({
      expression: rule.only("expression", "message").requiredText("expression"),
      ...optional({ message: rule.text("message") }),
    })),
  };
}

function httpsUrl(node: ConfigNode, name: string): string {
  const text = node.requiredText(name);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:" || url.username || url.search || url.hash) {
    throw new Fault("invalid", `${node.at(name)}: ${JSON.stringify(text)} is no plain https URL`);
  }
  return text;
}

function readClaimRule(rule: ConfigNode): NonNullable<ClaimRules["claimValidationRules"]>[number] {
  rule.only("claim", "requiredValue", "expression", "message");
  if (rule.has("claim") === rule.has("expression")) {
    throw new Fault("invalid", `${rule.place}: exactly one of claim and expression is required`);
  }
  return optional({
    claim: rule.text("claim"),
    requiredValue: rule.text("requiredValue"),
    expression: rule.text("expression"),
    message: rule.text("message"),
  });
}

function readMappings(node: ConfigNode): ClaimRules["claimMappings"] {
  node.only("username", "groups", "uid", "extra");
  const groups = node.child("groups");
  const uid = node.child("uid");
  return {
    username: readPrefixed(node.requiredChild("username")),
    ...(groups ? { groups: readPrefixed(groups) } : {}),
    ...(uid ? { uid: oneOf(uid.only("claim", "expression")) } : {}),
    extra: node.children("extra").map((entry) => ({
      key: entry.only("key", "valueExpression").requiredText("key"),
      valueExpression: entry.requiredText("valueExpression"),
    })),
  };
}

function readPrefixed(node: ConfigNode): PrefixedClaim {
  node.only("claim", "prefix", "expression");
  // An empty prefix must be said: a name without one may be anybody's of another issuer.
  if (node.has("claim") && !node.has("prefix")) {
    throw new Fault(
      "invalid",
      `${node.at("prefix")}: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing`,
    );
  }
  return { ...oneOf(node), ...optional({ prefix: node.text("prefix") }) };
}

function oneOf(node: ConfigNode): { readonly claim?: string; readonly expression?: string } {
  if (node.has("claim") === node.has("expression")) {
    throw new Fault("invalid", `${node.place}: exactly one of claim and expression is required`);
  }
  return optional({ claim: node.text("claim"), expression: node.text("expression") });
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function optional<T extends object>(members: T): Present<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Present<T>;
}
