import { expect, test } from "vitest";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { scriptPod, webDeployment } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "refused");
const given = (verb: string, input: string) => cluster.tryKubectl([verb, "-n", ns, "-f", "-"], { input });

test.each([
  {
    name: "malformed YAML is answered with the line",
    input: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: [broken\n",
    says: /error (parsing|converting) .*yaml: line \d+: /i,
  },
  {
    name: "an unknown kind is named with its version",
    input: "apiVersion: apps/v1\nkind: Deplyoment\nmetadata: {name: a}\n",
    says: /no matches for kind "Deplyoment" in version "apps\/v1"/,
  },
  {
    name: "an unknown group is named",
    input: "apiVersion: nowhere.example/v1\nkind: Deployment\nmetadata: {name: a}\n",
    says: /no matches for kind "Deployment" in version "nowhere.example\/v1"/,
  },
  {
    name: "a misspelled field is named with its path",
    input: "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: b, imagee: c}]}\n",
    says: /strict decoding error: unknown field "spec\.containers\[0\]\.imagee"/,
  },
  {
    name: "a value of a wrong type is named with its field",
    input: "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: a}\nspec: {replicas: many}\n",
    says: /ReplicationController in version "v1" cannot be handled as a ReplicationController: .*replicas/,
  },
  {
    name: "a name that cannot be is refused with what it may be",
    input: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n",
    says: /metadata\.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain must consist of/,
  },
  {
    name: "every mistake of an object is told at once",
    input:
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: -1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: []}}}\n",
    says: /spec\.replicas: Invalid value: -1.*spec\.template\.metadata\.labels: Invalid value.*spec\.template\.spec\.containers: Required value/s,
  },
  {
    name: "a namespace that is not there is named",
    input: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nowhere}\n",
    says: /the namespace from the provided object "nowhere" does not match|namespaces "nowhere" not found/,
  },
])("$name", async ({ input, says }) => {
  const { code, stdout, stderr } = await given("create", input);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(says);
});

test("a write against an old state is refused, and what is there stays", async () => {
  await cluster.kubectl("-n", ns, "create", "configmap", "raced", "--from-literal=a=1");
  const old = await cluster.kubectl("-n", ns, "get", "configmap", "raced", "-o", "json");
  await cluster.kubectl("-n", ns, "patch", "configmap", "raced", "-p", '{"data":{"a":"2"}}');
  const { code, stderr } = await given("replace", old.replace('"a": "1"', '"a": "3"'));
  expect(code).toBe(1);
  expect(stderr).toContain(
    "the object has been modified; please apply your changes to the latest version and try again",
  );
  expect((await cluster.get("-n", ns, "configmap", "raced")).data).toEqual({ a: "2" });
});

test("a field that cannot change is refused with the reason", async () => {
  await cluster.apply(ns, webDeployment("fixed", 0));
  const other = { selector: { matchLabels: { app: "other" } }, template: { metadata: { labels: { app: "other" } } } };
  const { stderr } = await cluster.tryKubectl([
    "-n",
    ns,
    "patch",
    "deployment",
    "fixed",
    "-p",
    JSON.stringify({ spec: other }),
  ]);
  expect(stderr).toMatch(/spec\.selector: Invalid value: .*: field is immutable/);
});

test("a pod that no node can hold says why, in its status and in an event", async () => {
  const spec = {
    containers: [{ name: "main", image: "navarch.local/busybox:1.35", resources: { requests: { cpu: "5000" } } }],
  };
  await cluster.apply(ns, scriptPod("huge", "", spec));
  await cluster.kubectl("-n", ns, "wait", "--for=condition=PodScheduled=False", "pod/huge", "--timeout=30s");
  const says = /0\/1 nodes are available: 1 Insufficient cpu\./;
  const { status } = await cluster.get("-n", ns, "pod", "huge");
  expect(status.conditions[0].message).toMatch(says);
  expect(await cluster.kubectl("-n", ns, "describe", "pod", "huge")).toMatch(
    /Warning +FailedScheduling .* default-scheduler +0\/1 nodes are available/,
  );
});

test("a user without rights is told what they may not do", async () => {
  const { code, stderr } = await cluster.tryKubectl(["get", "secrets", "-n", ns, "--as=mallory"]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `Error from server (Forbidden): secrets is forbidden: User "mallory" cannot list resource "secrets" in API group "" in the namespace "${ns}"\n`,
  );
});

test("the API server answers nobody whom it does not know", async () => {
  const { stdout } = await cluster.tryKubectl([
    "config",
    "view",
    "--minify",
    "-o",
    "jsonpath={.clusters[0].cluster.server}",
  ]);
  const unknown = ["--kubeconfig=/dev/null", `--server=${stdout}`, "--insecure-skip-tls-verify", "get", "pods"];
  const token = await cluster.tryKubectl([...unknown, "--token=wrong"]);
  expect(token).toMatchObject({ code: 1, stdout: "" });
  expect(token.stderr).toContain("You must be logged in to the server (Unauthorized)");
  const nobody = await cluster.tryKubectl([...unknown, "--username=a", "--password=b"]);
  expect(nobody).toMatchObject({ code: 1, stdout: "" });
  expect(nobody.stderr).toContain("Unauthorized");
});
