import { afterAll, beforeAll, expect, test } from "vitest";
import { type Kubectl, kubectlFor } from "./tools/kubectl-run.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** An unmodified kubectl and a custom resource, from its definition to its end. */
let server: LiveServer;
let kubectl: Kubectl;

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [timers]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns:
    - {name: Spec, type: string, jsonPath: .spec.cronSpec, description: When it runs}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    selectableFields: [{jsonPath: .spec.image}]
    schema:
      openAPIV3Schema:
        type: object
        description: A table of times.
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: 'self.replicas < 10', message: too many replicas}
            properties:
              cronSpec: {type: string, description: When it runs.}
              image: {type: string}
              replicas: {type: integer, default: 1}
              ports:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, port: {type: integer}}}
          status: {type: object, properties: {replicas: {type: integer}}}
`;
const cronTab = (name: string, spec: string) =>
  `apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: ${name}}\nspec: ${spec}\n`;

beforeAll(async () => {
  server = await startLiveServer();
  kubectl = kubectlFor(server, "default");
});
afterAll(() => server?.[Symbol.asyncDispose]());

const out = async (line: string, input?: string) => {
  const { code, stdout, stderr } = await kubectl(line.split(" "), input);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
};

test("a definition is applied, established, and its objects are kept, shown, changed and deleted", async () => {
  expect(await out("apply -f -", definition)).toBe(
    "customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com created\n",
  );
  expect(await out("wait --for condition=Established --timeout=60s crd/crontabs.stable.example.com")).toBe(
    "customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com condition met\n",
  );
  expect(await out("api-resources --api-group=stable.example.com -o wide")).toMatch(
    /^crontabs +ct +stable.example.com\/v1 +true +CronTab +delete,deletecollection,get,list,patch,create,update,watch +timers$/m,
  );
  expect(await out("apply -f -", cronTab("one", "{cronSpec: '* * * * */5', image: a}"))).toBe(
    "crontab.stable.example.com/one created\n",
  );
  expect(await out("get ct")).toBe("NAME   SPEC          REPLICAS\none    * * * * */5   1\n");
  expect(await out("get timers -o name")).toBe("crontab.stable.example.com/one\n");
  expect(await out("apply -f -", cronTab("one", "{cronSpec: '1 * * * *', image: a}"))).toBe(
    "crontab.stable.example.com/one configured\n",
  );
  expect(await out("get ct one -o jsonpath={.spec.cronSpec}/{.metadata.generation}")).toBe("1 * * * */2");
  expect(await out('patch ct one --type=merge -p {"spec":{"image":"b"}}')).toBe(
    "crontab.stable.example.com/one patched\n",
  );
  const strategic = await kubectl(["patch", "ct", "one", "-p", '{"spec":{"image":"b"}}']);
  expect(strategic.code).toBe(1);
  expect(strategic.stderr).toContain(
    "application/strategic-merge-patch+json is not supported by stable.example.com/v1",
  );
  expect(await out("get ct --field-selector spec.image=b -o name")).toBe("crontab.stable.example.com/one\n");
  expect(await out("scale ct one --replicas=3")).toBe("crontab.stable.example.com/one scaled\n");
  expect(await out("get ct one -o jsonpath={.spec.replicas}")).toBe("3");
  const refused = await kubectl(["scale", "ct", "one", "--replicas=12"]);
  expect(refused.stderr).toContain('spec: Invalid value: "object": too many replicas');
  expect(await out("delete ct one")).toMatch(/^crontab\.stable\.example\.com "one" deleted/);
});

test("what a field is for is explained, and unknown fields are refused by name", async () => {
  const text = await out("explain ct.spec.cronSpec");
  expect(text).toContain("GROUP:      stable.example.com");
  expect(text).toContain("FIELD: cronSpec <string>");
  expect(text).toContain("When it runs.");
  expect(await out("explain crontab --recursive")).toContain("cronSpec");
  const unknown = await kubectl(["create", "-f", "-"], cronTab("bad", "{cronSpecs: x}"));
  expect(unknown.stderr).toContain('strict decoding error: unknown field "spec.cronSpecs"');
});

test("applied on the server's side, fields have owners, and a diff shows what would change", async () => {
  const spec = (port: string) => `{cronSpec: x, ports: [{name: http, port: ${port}}]}`;
  expect(await out("apply --server-side -f -", cronTab("two", spec("80")))).toBe(
    "crontab.stable.example.com/two serverside-applied\n",
  );
  const other = cronTab("two", "{ports: [{name: metrics, port: 90}]}");
  await out("apply --server-side --field-manager=other -f -", other);
  expect(await out("get ct two -o jsonpath={.spec.ports[*].name}")).toBe("http metrics");
  const conflict = await kubectl(
    ["apply", "--server-side", "--field-manager=third", "-f", "-"],
    cronTab("two", spec("81")),
  );
  expect(conflict.stderr).toContain('conflict with "kubectl": .spec.ports[name="http"].port');
  const diff = await kubectl(["diff", "--server-side", "-f", "-"], cronTab("two", spec("82")));
  expect(diff.code).toBe(1);
  expect(diff.stdout).toMatch(/^- +port: 80$/m);
  expect(diff.stdout).toMatch(/^\+ +port: 82$/m);
});

test("when the definition goes, its objects go first", async () => {
  const gone = await kubectl(["delete", "crd", "crontabs.stable.example.com"]);
  expect(gone.stdout).toBe('customresourcedefinition.apiextensions.k8s.io "crontabs.stable.example.com" deleted\n');
  const { stderr } = await kubectl(["get", "crontabs"]);
  expect(stderr).toContain("the server could not find the requested resource");
});
