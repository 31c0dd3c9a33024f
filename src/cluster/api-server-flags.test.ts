import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { authenticationFromFlags, authorizationFromFlags, serviceAccountsFromFlags } from "./api-server-flags.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-flags-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const kubeconfig = file(
  "webhook.conf",
  `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "https://hooks.example.com/authorize", certificate-authority: ca.crt } }]
users: [{ name: u, user: { token: secret } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`,
);
file("ca.crt", "CERT");
const endpoint = { url: "https://hooks.example.com/authorize", ca: "CERT", token: "secret" };

describe("how users prove who they are", () => {
  test("the flags of one OpenID Connect issuer mean what upstream's mean", () => {
    const { jwt } = authenticationFromFlags({
      "oidc-issuer-url": "https://dex.example.com",
      "oidc-client-id": "kubernetes",
      "oidc-groups-claim": "groups",
      "oidc-required-claim": "hd=example.com",
    });
    expect(jwt).toEqual([
      {
        issuer: { url: "https://dex.example.com", audiences: ["kubernetes"] },
        signingAlgorithms: ["RS256"],
        claimMappings: {
          username: { claim: "sub", prefix: "https://dex.example.com#" },
          groups: { claim: "groups", prefix: "" },
        },
        claimValidationRules: [{ claim: "hd", requiredValue: "example.com" }],
      },
    ]);
  });

  test.each([
    ["an address needs no prefix", { "oidc-username-claim": "email" }, ""],
    ["a dash means none", { "oidc-username-prefix": "-" }, ""],
    ["any other is taken as it is", { "oidc-username-prefix": "dex:" }, "dex:"],
  ])("of a user's name %s", (_, flags, prefix) => {
    const issuer = { "oidc-issuer-url": "https://dex.example.com", "oidc-client-id": "kubernetes" };
    expect(authenticationFromFlags({ ...issuer, ...flags }).jwt?.[0]?.claimMappings.username.prefix).toBe(prefix);
  });

  test("a configuration file has several issuers and says who may be anonymous", () => {
    const path = file(
      "authentication.yaml",
      `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: { url: "https://one.example.com", audiences: [a, b], audienceMatchPolicy: MatchAny }
  claimMappings: { username: { claim: sub, prefix: "one:" } }
- issuer: { url: "https://two.example.com", audiences: [a] }
  claimMappings:
    username: { expression: "claims.sub" }
    extra: [{ key: example.com/role, valueExpression: claims.role }]
  userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: reserved }]
anonymous: { enabled: true, conditions: [{ path: /livez }] }
`,
    );
    const { jwt, anonymous } = authenticationFromFlags({ "authentication-config": path });
    expect(anonymous).toEqual({ paths: ["/livez"] });
    expect(jwt?.map(({ issuer }) => issuer.audiences)).toEqual([["a", "b"], ["a"]]);
    expect(jwt?.[1]).toMatchObject({
      claimMappings: { username: { expression: "claims.sub" } },
      userValidationRules: [{ message: "reserved" }],
    });
  });

  test.each([
    ["misspelt members", "jwt: []\nanonymus: {}", "anonymus: unknown field"],
    [
      "issuers without https",
      'jwt: [{ issuer: { url: "http://x", audiences: [a] }, claimMappings: { username: { claim: sub, prefix: "" } } }]',
      "is no plain https URL",
    ],
    [
      "names without a word on their prefix",
      'jwt: [{ issuer: { url: "https://x", audiences: [a] }, claimMappings: { username: { claim: sub } } }]',
      "prefix is required when claim is set",
    ],
    [
      "one issuer twice",
      `jwt: [${Array(2).fill('{ issuer: { url: "https://x", audiences: [a] }, claimMappings: { username: { expression: "claims.sub" } } }').join(", ")}]`,
      "jwt[1].issuer.url: Duplicate value",
    ],
  ])("a file is refused for %s", (name, text, why) => {
    const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n";
    const path = file(`${name}.yaml`, head + text);
    expect(() => authenticationFromFlags({ "authentication-config": path })).toThrow(why);
  });
});

describe("who decides", () => {
  test("modes are asked in their order", () => {
    const choices = authorizationFromFlags({
      "authorization-mode": "Node,Webhook,RBAC",
      "authorization-webhook-config-file": kubeconfig,
    });
    expect(choices?.map(({ type }) => type)).toEqual(["Node", "Webhook", "RBAC"]);
    expect(choices?.[1]).toMatchObject({ webhook: { endpoint, authorizedTtl: 300_000, unauthorizedTtl: 30_000 } });
  });

  test("a configuration file describes every webhook by itself", () => {
    const path = file(
      "authorization.yaml",
      `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- type: Webhook
  name: policy
  webhook:
    timeout: 3s
    authorizedTTL: 1m
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: Deny
    connectionInfo: { type: KubeConfigFile, kubeConfigFile: "${kubeconfig}" }
    matchConditions: [{ expression: "has(request.resourceAttributes)" }]
- { type: RBAC, name: rbac }
`,
    );
    expect(authorizationFromFlags({ "authorization-config": path })).toEqual([
      {
        type: "Webhook",
        webhook: {
          name: "policy",
          endpoint,
          version: "v1",
          timeout: 3000,
          authorizedTtl: 60_000,
          unauthorizedTtl: 30_000,
          failurePolicy: "Deny",
          matchConditions: ["has(request.resourceAttributes)"],
        },
      },
      { type: "RBAC" },
    ]);
  });
});

describe("tokens of service accounts", () => {
  const own = { issuer: "https://kubernetes.default.svc", privateKey: "OWN" };

  test("are signed by the cluster's key unless flags say otherwise", () => {
    expect(serviceAccountsFromFlags({}, own)).toEqual({ ...own, publicKeys: [] });
  });

  test("are believed of every key that is named, and of the cluster's own where another one signs", () => {
    const flags = {
      "service-account-issuer": "https://tokens.example.com",
      "service-account-signing-key-file": file("new.key", "NEW"),
      "service-account-key-file": `${file("a.pub", "A")},${file("b.pub", "B")}`,
      "api-audiences": "api, vault",
    };
    expect(serviceAccountsFromFlags(flags, own)).toEqual({
      issuer: "https://tokens.example.com",
      privateKey: "NEW",
      publicKeys: ["A", "B", "OWN"],
      audiences: ["api", "vault"],
    });
  });
});
