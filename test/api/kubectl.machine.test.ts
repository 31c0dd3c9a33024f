import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Kubectl, kubectlFor } from "./tools/kubectl-run.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** An unmodified kubectl: what it prints, to the letter, is what it prints at a server of v1.35. */
let server: LiveServer;
let kubectl: Kubectl;

const manifest = (name: string, x = "1", more = "") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {app: web}}\ndata: {x: '${x}'}\n${more}`;
const deployment = (image: string) =>
  `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: '${image}'}]}
`;

beforeAll(async () => {
  server = await startLiveServer();
  kubectl = kubectlFor(server, "shop");
  await kubectlFor(server, "default")(["create", "namespace", "shop"]);
  await kubectl(["create", "-f", "-"], manifest("a"));
  await kubectl(["create", "-f", "-"], manifest("b").replace("app: web", "app: db"));
  await kubectl(["create", "-f", "-"], deployment("web:1"));
});
afterAll(() => server?.[Symbol.asyncDispose]());

const words = (line: string) => line.split(" ");
const ok = (stdout: string, stderr = "") => ({ code: 0, stdout, stderr });
const failed = (stderr: string, stdout = "") => ({ code: 1, stdout, stderr });

/** Without the root authority that a controller puts into every namespace, and with ages that do not count. */
const settled = (text: string) =>
  text
    .split("\n")
    .filter((line) => !line.includes("kube-root-ca.crt"))
    .join("\n")
    .replace(/\b\d+s\b/g, "AGE")
    .replace(/ +$/gm, "");

describe("get", () => {
  test.each([
    { line: "get cm a -o name", prints: "configmap/a\n" },
    { line: "get cm a -o jsonpath={.data.x}", prints: "1" },
    { line: "get cm a b -o jsonpath={.items[*].metadata.name}", prints: "a b" },
    { line: "get cm a -o jsonpath={range␣.metadata.labels}{.app}{end}", prints: "web" },
    { line: "get cm a -o go-template={{.data.x}}-{{.kind}}", prints: "1-ConfigMap" },
    {
      line: "get cm a b -o custom-columns=NAME:.metadata.name,X:.data.x,NONE:.data.none",
      prints: "NAME   X     NONE\na      1     <none>\nb      1     <none>\n",
    },
    { line: "get cm -l app=web -o name", prints: "configmap/a\n" },
    { line: "get cm -l app␣in␣(web,db),app!=web -o name", prints: "configmap/b\n" },
    { line: "get cm --field-selector metadata.name=b -o name", prints: "configmap/b\n" },
    { line: "get cm a b --no-headers -o custom-columns=N:.metadata.name --sort-by={.metadata.name}", prints: "a\nb\n" },
    { line: "get configmaps,deploy -l app=web -o name", prints: "configmap/a\n" },
  ])("$line", async ({ line, prints }) => {
    expect(await kubectl(words(line).map((word) => word.replaceAll("␣", " ")))).toEqual(ok(prints));
  });

  test.each([
    {
      line: "get cm",
      prints: "NAME               DATA   AGE\na                  1      AGE\nb                  1      AGE\n",
    },
    { line: "get cm a", prints: "NAME   DATA   AGE\na      1      AGE\n" },
    { line: "get cm a --show-labels", prints: "NAME   DATA   AGE   LABELS\na      1      AGE    app=web\n" },
    {
      line: "get cm a b -L app",
      prints: "NAME   DATA   AGE   APP\na      1      AGE    web\nb      1      AGE    db\n",
    },
    { line: "get cm a --no-headers", prints: "a     1     AGE\n" },
    {
      line: "get deploy",
      prints: "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    0/0     0            0           AGE\n",
    },
    {
      line: "get deploy -o wide",
      prints:
        "NAME   READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES   SELECTOR\nweb    0/0     0            0           AGE    web          web:1    app=web\n",
    },
  ])("$line", async ({ line, prints }) => {
    const { stdout, ...rest } = await kubectl(words(line));
    expect({ ...rest, stdout: settled(stdout) }).toEqual(ok(prints));
  });

  test("over all namespaces, in small chunks, everything comes once", async () => {
    const whole = await kubectl(words("get cm -A -o name"));
    const chunked = await kubectl(words("get cm -A -o name --chunk-size=1"));
    expect(chunked).toEqual(whole);
    const sorted = await kubectl(words("get cm -A --sort-by=.metadata.namespace"));
    expect(sorted.stdout).toMatch(/^NAMESPACE +NAME +DATA +AGE\n/);
  });

  test("as YAML and as JSON, an object is what was written and what the server adds", async () => {
    const yaml = await kubectl(words("get cm a -o yaml"));
    expect(yaml.stdout).toMatch(
      /^apiVersion: v1\ndata:\n {2}x: "1"\nkind: ConfigMap\nmetadata:\n {2}creationTimestamp: "[0-9TZ:-]+"\n {2}labels:\n {4}app: web\n {2}name: a\n {2}namespace: shop\n {2}resourceVersion: "\d+"\n {2}uid: [0-9a-f-]{36}\n$/,
    );
    const json = JSON.parse((await kubectl(words("get cm a -o json"))).stdout) as { metadata: object };
    expect(json).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", data: { x: "1" } });
    expect(Object.keys(json.metadata)).toEqual([
      "creationTimestamp",
      "labels",
      "name",
      "namespace",
      "resourceVersion",
      "uid",
    ]);
  });

  test.each([
    { line: "get cm none", says: 'Error from server (NotFound): configmaps "none" not found\n' },
    { line: "get nothing", says: 'error: the server doesn\'t have a resource type "nothing"\n' },
    {
      line: "get cm -l !!",
      says: 'Error from server (BadRequest): Unable to find "/v1, Resource=configmaps" that match label selector "!!", field selector "": unable to parse requirement: found \'!\', expected: identifier\n',
    },
    {
      line: "get cm --field-selector data.x=1",
      says: 'Error from server (BadRequest): Unable to find "/v1, Resource=configmaps" that match label selector "", field selector "data.x=1": "data.x" is not a known field selector: only "metadata.name", "metadata.namespace"\n',
    },
  ])("$line fails", async ({ line, says }) => {
    expect(await kubectl(words(line))).toEqual(failed(says));
  });

  test("where nothing is, it says so on the side", async () => {
    expect(await kubectl(words("get pods"))).toEqual(ok("", "No resources found in shop namespace.\n"));
  });
});

describe("explain", () => {
  const fieldsIn = (text: string) => text.slice(text.indexOf("FIELDS:\n") + 8).trimEnd();

  test("a kind is told with its fields", async () => {
    const { code, stdout, stderr } = await kubectl(words("explain configmap"));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^KIND: {7}ConfigMap\nVERSION: {4}v1\n\nDESCRIPTION:\n {4}ConfigMap holds configuration data/,
    );
    const names = [...fieldsIn(stdout).matchAll(/^ {2}(\w+)\t(<.*>)/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(names).toEqual([
      "apiVersion <string>",
      "binaryData <map[string]string>",
      "data <map[string]string>",
      "immutable <boolean>",
      "kind <string>",
      "metadata <ObjectMeta>",
    ]);
  });

  test("one field of a kind in a group is told", async () => {
    const { stdout } = await kubectl(words("explain deployment.spec.replicas"));
    expect(stdout).toMatch(
      /^GROUP: {6}apps\nKIND: {7}Deployment\nVERSION: {4}v1\n\nFIELD: replicas <integer>\n\n\nDESCRIPTION:\n {4}\w/,
    );
  });

  test("recursively, all that is below is told with its types", async () => {
    const { stdout } = await kubectl(words("explain pods.spec.containers.livenessProbe --recursive"));
    const lines = fieldsIn(stdout)
      .split("\n")
      .filter((line) => !line.includes("enum:"));
    expect(lines).toEqual([
      "  exec\t<ExecAction>",
      "    command\t<[]string>",
      "  failureThreshold\t<integer>",
      "  grpc\t<GRPCAction>",
      "    port\t<integer> -required-",
      "    service\t<string>",
      "  httpGet\t<HTTPGetAction>",
      "    host\t<string>",
      "    httpHeaders\t<[]HTTPHeader>",
      "      name\t<string> -required-",
      "      value\t<string> -required-",
      "    path\t<string>",
      "    port\t<IntOrString> -required-",
      "    scheme\t<string>",
      "  initialDelaySeconds\t<integer>",
      "  periodSeconds\t<integer>",
      "  successThreshold\t<integer>",
      "  tcpSocket\t<TCPSocketAction>",
      "    host\t<string>",
      "    port\t<IntOrString> -required-",
      "  terminationGracePeriodSeconds\t<integer>",
      "  timeoutSeconds\t<integer>",
    ]);
  });

  test("quantities are named", async () => {
    const { stdout } = await kubectl(words("explain pods.spec.containers.resources.limits"));
    expect(stdout).toContain("FIELD: limits <map[string]Quantity>\n");
  });

  test("another version of a kind is told when it is asked for", async () => {
    const { stdout } = await kubectl(words("explain hpa --api-version=autoscaling/v1"));
    expect(stdout).toMatch(/^GROUP: {6}autoscaling\nKIND: {7}HorizontalPodAutoscaler\nVERSION: {4}v1\n/);
  });

  test("what is not there is named", async () => {
    expect(await kubectl(words("explain nothing"))).toEqual(
      failed('the server doesn\'t have a resource type "nothing"\n'),
    );
    const { code, stderr } = await kubectl(words("explain pods.spec.nothing"));
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: field "nothing" does not exist\n' });
  });
});

describe("apply", () => {
  test("creates, leaves, configures; diff shows what it would do, with the exit code that says so", async () => {
    const apply = (text: string) => kubectl(["apply", "-f", "-"], text);
    expect(await apply(manifest("applied"))).toEqual(ok("configmap/applied created\n"));
    expect(await apply(manifest("applied"))).toEqual(ok("configmap/applied unchanged\n"));
    const same = await kubectl(["diff", "-f", "-"], manifest("applied"));
    expect(same).toEqual(ok(""));
    const other = await kubectl(["diff", "-f", "-"], manifest("applied", "2"));
    expect({ code: other.code, stderr: other.stderr }).toEqual({ code: 1, stderr: "" });
    expect(other.stdout).toContain('\n-  x: "1"\n+  x: "2"\n');
    expect(await apply(manifest("applied", "2"))).toEqual(ok("configmap/applied configured\n"));
    const dropped = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {z: '3'}\n";
    expect(await apply(dropped)).toEqual(ok("configmap/applied configured\n"));
    const left = await kubectl(words("get cm applied -o jsonpath={.data}{.metadata.labels}"));
    expect(left.stdout).toBe('{"z":"3"}');
    const fresh = await kubectl(["diff", "-f", "-"], manifest("undone"));
    expect(fresh.code).toBe(1);
    expect((await kubectl(words("get cm undone"))).code).toBe(1);
  });

  test("server-side, conflicts are named with their field, and force takes over", async () => {
    const apply = (image: string, ...flags: string[]) =>
      kubectl(
        ["apply", "--server-side", ...flags, "-f", "-"],
        deployment(image).replaceAll("web}", "ssa}").replace("name: web", "name: ssa"),
      );
    expect(await apply("web:1")).toEqual(ok("deployment.apps/ssa serverside-applied\n"));
    expect(await apply("web:1")).toEqual(ok("deployment.apps/ssa serverside-applied\n"));
    const refused = await apply("web:2", "--field-manager=other");
    expect(refused).toEqual(
      failed(
        `error: Apply failed with 1 conflict: conflict with "kubectl": .spec.template.spec.containers[name="ssa"].image
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
`,
      ),
    );
    expect((await apply("web:2", "--field-manager=other", "--force-conflicts")).code).toBe(0);
    const image = await kubectl(words("get deploy ssa -o jsonpath={.spec.template.spec.containers[0].image}"));
    expect(image.stdout).toBe("web:2");
  });
});

describe("changes", () => {
  beforeAll(async () => {
    await kubectl(["create", "-f", "-"], manifest("changed"));
  });

  test.each([
    { args: ["patch", "cm", "changed", "-p", '{"data":{"y":"1"}}'], prints: "configmap/changed patched\n" },
    {
      args: ["patch", "cm", "changed", "--type=merge", "-p", '{"data":{"y":"2"}}'],
      prints: "configmap/changed patched\n",
    },
    {
      args: ["patch", "cm", "changed", "--type=json", "-p", '[{"op":"remove","path":"/data/y"}]'],
      prints: "configmap/changed patched\n",
    },
    { args: ["patch", "cm", "changed", "-p", "{}"], prints: "configmap/changed patched (no change)\n" },
    { args: ["label", "cm", "changed", "tier=front"], prints: "configmap/changed labeled\n" },
    { args: ["label", "cm", "changed", "tier=back", "--overwrite"], prints: "configmap/changed labeled\n" },
    { args: ["label", "cm", "changed", "tier-"], prints: "configmap/changed unlabeled\n" },
    { args: ["annotate", "cm", "changed", "note=hi"], prints: "configmap/changed annotated\n" },
    { args: ["annotate", "cm", "changed", "note-"], prints: "configmap/changed annotated\n" },
    { args: ["replace", "-f", "-"], input: manifest("changed", "9"), prints: "configmap/changed replaced\n" },
    { args: ["get", "cm", "changed", "-o", "jsonpath={.data}{.metadata.labels}"], prints: '{"x":"9"}{"app":"web"}' },
    {
      args: ["create", "cm", "dry", "--from-literal=a=1", "--dry-run=server"],
      prints: "configmap/dry created (server dry run)\n",
    },
    {
      args: ["apply", "--dry-run=server", "-f", "-"],
      input: manifest("dry"),
      prints: "configmap/dry created (server dry run)\n",
    },
    { args: ["delete", "cm", "changed", "--dry-run=server"], prints: 'configmap "changed" deleted (server dry run)\n' },
    { args: ["delete", "cm", "changed"], prints: 'configmap "changed" deleted\n' },
    { args: ["delete", "cm", "changed", "--ignore-not-found"], prints: "" },
  ])("$args", async ({ args, input, prints }) => {
    expect(await kubectl(args, input)).toEqual(ok(prints));
  });

  test.each([
    { args: ["get", "cm", "dry"], says: 'Error from server (NotFound): configmaps "dry" not found\n' },
    { args: ["delete", "cm", "none"], says: 'Error from server (NotFound): configmaps "none" not found\n' },
    {
      args: ["patch", "cm", "a", "--type=json", "-p", '[{"op":"remove","path":"/data/none"}]'],
      says: "The request is invalid: the server rejected our request due to an error in our request\n",
    },
    { args: ["label", "cm", "a", "app=x"], says: "error: 'app' already has a value (web), and --overwrite is false\n" },
    {
      args: ["replace", "-f", "-"],
      input: manifest("none"),
      says: 'Error from server (NotFound): error when replacing "STDIN": configmaps "none" not found\n',
    },
  ])("$args fails", async ({ args, input, says }) => {
    expect(await kubectl(args, input)).toEqual(failed(says));
  });
});

describe("wait", () => {
  test.each([
    { line: "wait --for=jsonpath={.data.x}=1 cm/a --timeout=5s", prints: "configmap/a condition met\n" },
    { line: "wait --for=condition=Available deploy/web --timeout=10s", prints: "deployment.apps/web condition met\n" },
    { line: "wait --for=delete cm/none --timeout=5s", prints: "" },
  ])("$line", async ({ line, prints }) => {
    expect(await kubectl(words(line))).toEqual(ok(prints));
  });

  test("what never comes times out", async () => {
    expect(await kubectl(words("wait --for=condition=Nope deploy/web --timeout=1s"))).toEqual(
      failed("error: timed out waiting for the condition on deployments/web\n"),
    );
  });
});

describe("what is refused", () => {
  const at = 'error when creating "STDIN": ';
  test.each([
    {
      name: "an unknown field, strictly read",
      flags: ["--validate=strict"],
      input: manifest("typed", "1", "typo: 1\n"),
      says: `Error from server (BadRequest): ${at}ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "typo"\n`,
    },
    {
      name: "a taken name",
      input: manifest("a"),
      says: `Error from server (AlreadyExists): ${at}configmaps "a" already exists\n`,
    },
    {
      name: "a name that cannot be",
      input: manifest("X_Y"),
      says: `The ConfigMap "X_Y" is invalid: metadata.name: Invalid value: "X_Y": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n`,
    },
    {
      name: "no name",
      input: "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
      says: 'The ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required\n',
    },
    {
      name: "a number where text belongs",
      input: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: number}\ndata: {x: 1}\n",
      says: `Error from server (BadRequest): ${at}ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string\n`,
    },
    {
      name: "YAML that is none",
      input: "a: [b\n",
      says: "error: error parsing STDIN: error converting YAML to JSON: yaml: line 1: did not find expected ',' or ']'\n",
    },
    {
      name: "a kind without a version",
      input: "kind: ConfigMap\n",
      says: 'error: error validating "STDIN": error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false\n',
    },
    { name: "nothing", input: "", says: "error: no objects passed to create\n" },
  ])("$name", async ({ flags = [], input, says }) => {
    expect(await kubectl(["create", ...flags, "-f", "-"], input)).toEqual(failed(says));
  });

  test("an unknown field is only warned of when that is asked for, or passed over in silence", async () => {
    const warned = await kubectl(["create", "--validate=warn", "-f", "-"], manifest("warned", "1", "typo: 1\n"));
    expect(warned).toEqual(ok("configmap/warned created\n", 'Warning: unknown field "typo"\n'));
    const ignored = await kubectl(["create", "--validate=ignore", "-f", "-"], manifest("ignored", "1", "typo: 1\n"));
    expect(ignored).toEqual(ok("configmap/ignored created\n"));
  });
});

test("who asks, what may be done and which server answers are told", async () => {
  expect(await kubectl(words("auth can-i create pods"))).toEqual(ok("yes\n"));
  const who = (await kubectl(words("auth whoami"))).stdout.replace(/ {2,}/g, "  ").replace(/[0-9a-f]{64}/, "PRINT");
  expect(who.split("\n")).toEqual([
    "ATTRIBUTE  VALUE",
    "Username  kubernetes-admin",
    "Groups  [system:masters system:authenticated]",
    "Extra: authentication.kubernetes.io/credential-id  [X509SHA256=PRINT]",
    "",
  ]);
  expect((await kubectl(words("get --raw /readyz"))).stdout).toBe("ok");
  expect((await kubectl(words("version"))).stdout).toMatch(/\nServer Version: v1\.35\.\d+\n$/);
});
