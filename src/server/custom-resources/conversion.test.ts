import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { selfSigned } from "../../wire/certificate-fixture.ts";
import { type AnyBody, openServerFixture, type ServerFixture } from "../server-fixture.ts";

/** A webhook that keeps `hostPort` in one field in v1, and in two in v2. */
interface Hook {
  readonly url: string;
  readonly ca: string;
  readonly server: Server;
  calls: number;
  broken: ((object: AnyBody) => object) | undefined;
}

let fixture: ServerFixture;
let hook: Hook;

beforeAll(async () => {
  const { key, cert } = await selfSigned("CN=converter");
  const server = createServer({ key, cert }, (request, response) => {
    let text = "";
    request.on("data", (part) => {
      text += String(part);
    });
    request.on("end", () => {
      hook.calls += 1;
      const review = JSON.parse(text) as AnyBody;
      const { uid, desiredAPIVersion, objects } = review.request as AnyBody;
      const converted = (objects as unknown as readonly AnyBody[]).map(
        (object) => hook.broken?.(object) ?? convert(object, String(desiredAPIVersion)),
      );
      const result = { uid, convertedObjects: converted, result: { status: "Success" } };
      response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response: result }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const ca = Buffer.from(cert).toString("base64");
  hook = { url: `https://127.0.0.1:${port}/convert`, ca, server, calls: 0, broken: undefined };
  fixture = await openServerFixture();
});
afterAll(async () => {
  await fixture?.[Symbol.asyncDispose]();
  hook?.server.closeAllConnections();
  hook?.server.close();
});

function convert(object: AnyBody, apiVersion: string): object {
  const { hostPort, host, port } = (object.spec ?? {}) as unknown as Readonly<Record<string, string>>;
  if (apiVersion.endsWith("/v2")) {
    const [first, second] = (hostPort ?? "").split(":");
    return { ...object, apiVersion, spec: { host: first, port: second } };
  }
  return { ...object, apiVersion, spec: { hostPort: `${host}:${port}` } };
}

const text = { type: "string" };
const schema = (...names: readonly string[]) => ({
  openAPIV3Schema: {
    type: "object",
    properties: { spec: { type: "object", properties: Object.fromEntries(names.map((name) => [name, text])) } },
  },
});

test("objects are read, listed, watched, written and stored in whatever version is asked for", async () => {
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const name = "places.hook.example.com";
  const versions = (storage: string) => [
    { name: "v1", served: true, storage: storage === "v1", schema: schema("hostPort") },
    { name: "v2", served: true, storage: storage === "v2", schema: schema("host", "port") },
  ];
  const webhook = { clientConfig: { url: hook.url, caBundle: hook.ca }, conversionReviewVersions: ["v1"] };
  const names = { plural: "places", kind: "Place" };
  const spec = { group: "hook.example.com", scope: "Namespaced", names, conversion: { strategy: "Webhook", webhook } };
  await fixture.make([definitions, { metadata: { name }, spec: { ...spec, versions: versions("v1") } }]);
  const at = (version: string, rest = "") => `/apis/hook.example.com/${version}/namespaces/default/places${rest}`;
  await vi.waitFor(async () => expect((await fixture.call("GET", at("v1"))).status).toBe(200), 20_000);
  const body = (version: string, own: string, given: object) => ({
    apiVersion: `hook.example.com/${version}`,
    kind: "Place",
    metadata: { name: own },
    spec: given,
  });

  await fixture.make([at("v1"), body("v1", "a", { hostPort: "x:1" })]);
  expect(hook.calls).toBe(0);
  const made = await fixture.call("POST", at("v2"), { body: body("v2", "b", { host: "y", port: "2" }) });
  expect(made.body.spec).toEqual({ host: "y", port: "2" });
  expect((await fixture.call("GET", at("v1", "/b"))).body.spec).toEqual({ hostPort: "y:2" });
  const list = await fixture.call("GET", at("v2"));
  expect((list.body.items as unknown as readonly AnyBody[]).map((item) => item.spec)).toEqual([
    { host: "x", port: "1" },
    { host: "y", port: "2" },
  ]);
  const merge = { "content-type": "application/merge-patch+json" };
  const patched = await fixture.call("PATCH", at("v2", "/a"), { body: { spec: { port: "9" } }, headers: merge });
  expect(patched.body.spec).toEqual({ host: "x", port: "9" });
  expect((await fixture.call("GET", at("v1", "/a"))).body.spec).toEqual({ hostPort: "x:9" });
  const watch = await fixture.call("GET", at("v2", "?watch=true&timeoutSeconds=1&resourceVersion=0"));
  expect(watch.text).toContain('"spec":{"host":"x","port":"9"}');

  // From now on they are stored in the other version; what is in the store already is converted when it is read.
  await fixture.call("PATCH", `${definitions}/${name}`, {
    body: { spec: { versions: versions("v2") } },
    headers: merge,
  });
  await vi.waitFor(async () => {
    const { body: definition } = await fixture.call("GET", `${definitions}/${name}`);
    expect(definition.status?.storedVersions).toEqual(["v1", "v2"]);
    expect((await fixture.call("GET", at("v2", "/a"))).body.spec).toEqual({ host: "x", port: "9" });
  }, 20_000);
  expect((await fixture.call("GET", at("v1", "/b"))).body.spec).toEqual({ hostPort: "y:2" });

  hook.broken = (object) => ({ ...object, apiVersion: "hook.example.com/v1", metadata: { name: "other" } });
  const refused = await fixture.call("POST", at("v1"), { body: body("v1", "c", { hostPort: "z:3" }) });
  expect(refused.status).toBe(500);
  expect(refused.text).toContain("conversion webhook for hook.example.com/v1, Kind=Place failed");
});
