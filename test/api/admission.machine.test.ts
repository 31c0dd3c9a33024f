import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWebhook, patchOf, type WebhookServer } from "../../src/server/admission/dynamic/webhook-fixture.ts";
import { type Kubectl, kubectlFor } from "./tools/kubectl-run.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** Admission as users of an unmodified kubectl meet it, with webhooks that are plain HTTPS servers. */
let server: LiveServer;
let kubectl: Kubectl;
let webhook: WebhookServer;

const configMap = (name: string, data = "{}") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: ${data}\n`;
const pod = (name: string, security = "{}") =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: i, securityContext: ${security}}]}\n`;

beforeAll(async () => {
  server = await startLiveServer();
  kubectl = kubectlFor(server, "shop");
  webhook = await openWebhook({
    "/label": ({ object }) =>
      object?.metadata.labels ? {} : patchOf([{ op: "add", path: "/metadata/labels", value: { checked: "yes" } }]),
    "/judge": ({ object, dryRun }) => {
      const { name = "" } = object?.metadata ?? {};
      if (!name.startsWith("bad")) return { warnings: [`${name} was looked at${dryRun ? " in passing" : ""}`] };
      return { allowed: false, status: { message: `${name} is no good name`, code: 403, reason: "Forbidden" } };
    },
  });
  await kubectl(["create", "namespace", "shop"]);
  await kubectl(["wait", "--for=create", "serviceaccount/default", "--timeout=30s"]);
});
afterAll(async () => {
  await webhook?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

function configuration(kind: "Mutating" | "Validating", path: string): string {
  return JSON.stringify({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: kind.toLowerCase() },
    webhooks: [
      {
        name: `${kind.toLowerCase()}.example.com`,
        clientConfig: webhook.clientConfig(path),
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }],
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } },
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
      },
    ],
  });
}

describe("webhooks", () => {
  beforeAll(async () => {
    const applied = [configuration("Mutating", "/label"), configuration("Validating", "/judge")];
    for (const input of applied) expect((await kubectl(["apply", "-f", "-"], input)).code).toBe(0);
  });
  afterAll(() =>
    kubectl(["delete", "mutatingwebhookconfiguration/mutating", "validatingwebhookconfiguration/validating"]),
  );

  test("one changes what is made, the other warns", async () => {
    const made = await kubectl(["create", "-f", "-"], configMap("good"));
    expect(made).toEqual({ code: 0, stdout: "configmap/good created\n", stderr: "Warning: good was looked at\n" });
    const { stdout } = await kubectl(["get", "cm", "good", "-o", "jsonpath={.metadata.labels.checked}"]);
    expect(stdout).toBe("yes");
  });

  test("a refusal reaches the user word for word", async () => {
    const refused = await kubectl(["create", "-f", "-"], configMap("bad"));
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'Error from server (Forbidden): error when creating "STDIN": admission webhook "validating.example.com" denied the request: bad is no good name\n',
    });
  });

  test("a dry run asks as well, and says that it is one", async () => {
    const dry = await kubectl(["create", "-f", "-", "--dry-run=server"], configMap("passing"));
    expect(dry.stderr).toBe("Warning: passing was looked at in passing\n");
    expect((await kubectl(["get", "cm", "passing"])).code).toBe(1);
  });
});

describe("policies", () => {
  const policy = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few-keys}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
  variables: [{name: keys, expression: "has(object.data) ? object.data.size() : 0"}]
  validations: [{expression: "variables.keys <= 2", messageExpression: "'at most 2 keys, not ' + string(variables.keys)"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few-keys}
spec:
  policyName: few-keys
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}
`;
  test("a policy in CEL refuses what its binding covers", async () => {
    expect((await kubectl(["apply", "-f", "-"], policy)).code).toBe(0);
    const refused = await kubectl(["create", "-f", "-"], configMap("many", "{a: '1', b: '2', c: '3'}"));
    expect(refused.stderr).toBe(
      "The configmaps \"many\" is invalid: : ValidatingAdmissionPolicy 'few-keys' with binding 'few-keys' denied request: at most 2 keys, not 3\n",
    );
    expect((await kubectl(["create", "-f", "-"], configMap("two", "{a: '1', b: '2'}"))).code).toBe(0);
    expect((await kubectl(["delete", "-f", "-"], policy)).code).toBe(0);
  });
});

describe("pod security", () => {
  test("a label on the namespace refuses and warns", async () => {
    const labels = ["pod-security.kubernetes.io/enforce=baseline", "pod-security.kubernetes.io/warn=restricted"];
    expect((await kubectl(["label", "namespace", "shop", ...labels])).code).toBe(0);
    const refused = await kubectl(["create", "-f", "-"], pod("root", "{privileged: true}"));
    expect(refused.stderr).toContain(
      'pods "root" is forbidden: violates PodSecurity "baseline:latest": privileged (container "c" must not set securityContext.privileged=true)',
    );
    const warned = await kubectl(["create", "-f", "-"], pod("plain"));
    expect(warned.code).toBe(0);
    expect(warned.stderr).toContain(
      'Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    );
  });
});

describe("quotas", () => {
  test("a quota stops at its limit and shows what is used", async () => {
    expect((await kubectl(["create", "quota", "q", "--hard=count/secrets=2"])).code).toBe(0);
    await kubectl(["wait", "--for=jsonpath={.status.hard}", "quota/q", "--timeout=30s"]);
    const make = (name: string) => kubectl(["create", "secret", "generic", name]);
    const ends = await Promise.all(["s1", "s2", "s3"].map(make));
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 0, 1]);
    expect(ends.find(({ code }) => code === 1)?.stderr).toContain(
      "exceeded quota: q, requested: count/secrets=1, used: count/secrets=2, limited: count/secrets=2",
    );
    const { stdout } = await kubectl(["get", "quota", "q", "-o", "jsonpath={.status.used.count/secrets}"]);
    expect(stdout).toBe("2");
  });
});
