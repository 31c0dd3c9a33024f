import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootstrap } from "../bootstrap/bootstrap.ts";
import { admin, openServerFixture, type ServerFixture } from "../server-fixture.ts";

let fixture: ServerFixture;
beforeAll(async () => {
  fixture = await openServerFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const maps = "/api/v1/namespaces/default/configmaps";

describe("what the server says of itself", () => {
  test("discovery names the groups, and answers 304 to a client that knows them", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const first = await fixture.call("GET", "/apis", { headers: { accept } });
    expect(first.body.kind).toBe("APIGroupDiscoveryList");
    const apps = (
      first.body.items as unknown as { metadata: { name: string }; versions: { resources: { resource: string }[] }[] }[]
    ).find(({ metadata }) => metadata.name === "apps");
    expect(apps?.versions[0]?.resources.map(({ resource }) => resource)).toContain("deployments");
    const headers = { accept, "if-none-match": String(first.headers.etag) };
    expect((await fixture.call("GET", "/apis", { headers })).status).toBe(304);
  });

  test.each(["/version", "/api", "/apis", "/apis/apps", "/apis/apps/v1"])("%s is only read", async (path) => {
    const refused = await fixture.call("PATCH", path, { body: {} });
    expect(refused.status).toBe(405);
    expect(refused.body.reason).toBe("MethodNotAllowed");
    expect((await fixture.call("GET", path)).status).toBe(200);
  });

  test("a document of OpenAPI v3 is kept for good under its hash, and another hash leads there", async () => {
    const index = await fixture.call("GET", "/openapi/v3");
    const known = { "if-none-match": String(index.headers.etag) };
    expect((await fixture.call("GET", "/openapi/v3", { headers: known })).status).toBe(304);
    const paths = index.body.paths as unknown as Readonly<Record<string, { readonly serverRelativeURL: string }>>;
    const address = paths["apis/apps/v1"]?.serverRelativeURL ?? "";
    const [path, hash] = address.split("?hash=");
    const found = await fixture.call("GET", address);
    expect(found.headers).toMatchObject({ etag: `"${hash}"`, "cache-control": "public, immutable" });
    expect(String(found.headers.expires)).toMatch(/GMT$/);
    const same = await fixture.call("GET", address, { headers: { "if-none-match": String(found.headers.etag) } });
    expect(same.status).toBe(304);
    const plain = await fixture.call("GET", path ?? "");
    expect(plain.headers).toMatchObject({ etag: found.headers.etag, "cache-control": "no-cache, private" });
    const moved = await fixture.call("GET", `${path}?hash=OLD`);
    expect([moved.status, moved.headers.location]).toEqual([301, address]);
  });

  test("OpenAPI describes a deployment in both versions", async () => {
    const v3 = await fixture.call("GET", "/openapi/v3/apis/apps/v1");
    const name = "io.k8s.api.apps.v1.Deployment";
    expect(v3.body.components?.schemas?.[name]?.["x-kubernetes-group-version-kind"]).toEqual([
      { group: "apps", kind: "Deployment", version: "v1" },
    ]);
    const put = v3.body.paths?.["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]?.put;
    expect(JSON.stringify(put?.requestBody)).toContain("io.k8s.api.autoscaling.v1.Scale");
    expect(put?.["x-kubernetes-group-version-kind"]).toEqual({ group: "autoscaling", kind: "Scale", version: "v1" });
    const v2 = await fixture.call("GET", "/openapi/v2");
    const spec = JSON.stringify(v2.body.definitions?.[name]?.properties?.spec);
    expect(spec).toContain('"$ref":"#/definitions/io.k8s.api.apps.v1.DeploymentSpec"');
    const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    expect((await fixture.call("GET", "/openapi/v2", { headers: { accept } })).bytes.length).toBeGreaterThan(100_000);
  });

  test.each([
    "v2",
    "v3/apis/apiextensions.k8s.io/v1",
  ])("the parts of a JSON schema have names in OpenAPI %s", async (path) => {
    const { body } = await fixture.call("GET", `/openapi/${path}`);
    const schemas = body.definitions ?? body.components?.schemas ?? {};
    const group = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
    const properties = schemas[`${group}.JSONSchemaProps`]?.properties ?? {};
    for (const [field, type] of [
      ["default", "JSON"],
      ["enum", "JSON"],
      ["items", "JSONSchemaPropsOrArray"],
      ["additionalProperties", "JSONSchemaPropsOrBool"],
      ["dependencies", "JSONSchemaPropsOrStringArray"],
      ["not", "JSONSchemaProps"],
    ] as const) {
      expect(JSON.stringify(properties[field])).toContain(`/${group}.${type}"`);
      expect(schemas[`${group}.${type}`]?.description).toMatch(new RegExp(`^${type} (?:is|represents)`));
    }
    expect(schemas[`${group}.JSON`]).not.toHaveProperty("type");
  });

  test.each(["/healthz", "/livez", "/readyz", "/livez/ping"])("%s is ok", async (path) => {
    expect((await fixture.call("GET", path)).text).toBe("ok");
  });

  test("requests are counted under upstream's name", async () => {
    await fixture.call("GET", maps, { as: admin });
    expect((await fixture.call("GET", "/metrics")).text).toMatch(
      /apiserver_request_total\{verb="LIST",group="",version="v1",resource="configmaps",subresource="",scope="namespace",code="200"\} \d+/,
    );
  });

  test("a default role that was cut is whole again after the next start, and keeps what was added", async () => {
    const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:kube-dns";
    const own = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
    const headers = { "content-type": "application/merge-patch+json" };
    await fixture.call("PATCH", path, { body: { rules: [own] }, headers });
    await bootstrap(fixture.server.registry, {});
    const { rules } = (await fixture.call("GET", path)).body;
    expect(rules).toContainEqual(own);
    const resources = (rules as unknown as { resources: string[] }[]).flatMap((rule) => rule.resources);
    expect(resources.sort()).toEqual(["endpoints", "pods", "services"]);
  });

  test("a default binding that leads to another role leads to its own again, unless it is said to stay", async () => {
    const bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    const other = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
    const staying = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
    for (const [name, annotations] of [["system:basic-user"], ["system:discovery", staying]] as const) {
      await fixture.call("DELETE", `${bindings}/${name}`);
      await fixture.call("POST", bindings, { body: { metadata: { name, annotations }, roleRef: other } });
    }
    await bootstrap(fixture.server.registry, {});
    const { roleRef, subjects } = (await fixture.call("GET", `${bindings}/system:basic-user`)).body;
    expect(roleRef).toMatchObject({ name: "system:basic-user" });
    expect(subjects).toMatchObject([{ kind: "Group", name: "system:authenticated" }]);
    expect((await fixture.call("GET", `${bindings}/system:discovery`)).body.roleRef).toEqual(other);
  });
});
