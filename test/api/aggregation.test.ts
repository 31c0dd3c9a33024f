import { once } from "node:events";
import { request } from "node:https";
import { load, loadAll } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Greetings, startGreetings } from "./tools/greetings.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** The sample under examples/aggregated-api behind a server on a real port. */
let server: LiveServer;
let greetings: Greetings;

interface Reply {
  readonly status: number;
  readonly text: string;
}

function call(
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { ca, admin, port } = server;
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const headers = { ...(body ? { "content-type": "application/json" } : {}), ...options.headers };
    const message = request(
      { host: "127.0.0.1", port, method, path, ca, cert: admin.cert, key: admin.key, headers },
      async (response) => {
        let text = "";
        for await (const part of response) text += String(part);
        resolve({ status: response.statusCode ?? 0, text });
      },
    );
    message.on("error", reject);
    message.end(body);
  });
}

const services = "/apis/apiregistration.k8s.io/v1/apiservices";
const name = "v1.example.navarch.dev";
const collection = "/apis/example.navarch.dev/v1/namespaces/default/greetings";

async function condition(): Promise<{ status?: string; reason?: string; message?: string }> {
  const { status } = JSON.parse((await call("GET", `${services}/${name}`)).text);
  return status?.conditions?.[0] ?? {};
}

async function register(manifest: string): Promise<void> {
  for (const object of loadAll(manifest) as { kind: string }[]) {
    const path = object.kind === "APIService" ? services : "/api/v1/namespaces/default/services";
    expect([201, 409]).toContain((await call("POST", path, { body: object })).status);
  }
}

const patient = { timeout: 15_000, interval: 50 };

beforeAll(async () => {
  server = await startLiveServer();
  greetings = await startGreetings(server);
});
afterAll(async () => {
  greetings?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

describe("an aggregated API", () => {
  test("is refused while its Service is not there, and says so", async () => {
    const [, api] = loadAll(greetings.manifest) as object[];
    expect((await call("POST", services, { body: api })).status).toBe(201);
    await expect.poll(condition, patient).toMatchObject({
      status: "False",
      reason: "ServiceNotFound",
      message: 'service/greetings in "default" is not present',
    });
    expect(await call("GET", collection)).toEqual({ status: 503, text: "service unavailable\n" });
  });

  test("becomes available when its Service appears, and is discovered in both forms", async () => {
    await register(greetings.manifest);
    await expect
      .poll(condition, patient)
      .toMatchObject({ status: "True", reason: "Passed", message: "all checks passed" });
    const groups = JSON.parse((await call("GET", "/apis")).text).groups as { name: string }[];
    expect(groups.map((group) => group.name)).toContain("example.navarch.dev");
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const { items } = JSON.parse((await call("GET", "/apis", { headers: { accept } })).text);
    expect(
      items.find((one: { metadata: { name: string } }) => one.metadata.name === "example.navarch.dev"),
    ).toMatchObject({
      versions: [
        {
          version: "v1",
          freshness: "Current",
          resources: [{ resource: "greetings", scope: "Namespaced", shortNames: ["gr"] }],
        },
      ],
    });
  });

  test("describes itself in both versions of OpenAPI, beside ours", async () => {
    const index = JSON.parse((await call("GET", "/openapi/v3")).text).paths;
    expect(Object.keys(index)).toEqual(expect.arrayContaining(["apis/apps/v1", "apis/example.navarch.dev/v1"]));
    const own = JSON.parse((await call("GET", index["apis/example.navarch.dev/v1"].serverRelativeURL)).text);
    expect(own.components.schemas).toHaveProperty(["dev.navarch.example.v1.Greeting"]);
    const { definitions, paths } = JSON.parse((await call("GET", "/openapi/v2")).text);
    expect(definitions).toHaveProperty(["dev.navarch.example.v1.Greeting"]);
    expect(definitions).toHaveProperty(["io.k8s.api.core.v1.Pod"]);
    expect(paths).toHaveProperty(["/apis/example.navarch.dev/v1/namespaces/{namespace}/greetings"]);
  });

  test("is told who asks, and not by whom the client says it is", async () => {
    const headers = { "x-remote-user": "mallory", "x-remote-group": "system:masters", "x-remote-extra-scopes": "all" };
    const made = await call("POST", collection, { body: { metadata: { name: "who" } }, headers });
    expect(JSON.parse(made.text).status).toEqual({
      greetedBy: "kubernetes-admin",
      groups: ["system:masters", "system:authenticated"],
    });
    const as = { "impersonate-user": "jane", "impersonate-group": "devs" };
    expect((await call("GET", collection, { headers: as })).status).toBe(403);
  });

  test("streams its watches as they come", async () => {
    const { ca, admin, port } = server;
    const message = request({
      host: "127.0.0.1",
      port,
      path: `${collection}?watch=true`,
      ca,
      cert: admin.cert,
      key: admin.key,
    });
    message.end();
    const [response] = await once(message, "response");
    const first = once(response, "data");
    await call("POST", collection, { body: { metadata: { name: "seen" } } });
    expect(JSON.parse(String((await first)[0]))).toMatchObject({
      type: "ADDED",
      object: { metadata: { name: "seen" } },
    });
    message.on("error", () => {});
    message.destroy();
  });

  test("gets connections that leave HTTP, with the user's name", async () => {
    const { ca, admin, port } = server;
    const headers = { connection: "Upgrade", upgrade: "echo", "x-remote-user": "mallory" };
    const path = `${collection}/who/stream`;
    const message = request({ host: "127.0.0.1", port, path, ca, cert: admin.cert, key: admin.key, headers });
    message.end();
    const [response, socket] = await once(message, "upgrade");
    expect(response.headers).toMatchObject({ upgrade: "echo", "x-asked-by": "kubernetes-admin" });
    socket.write("hello");
    expect(String((await once(socket, "data"))[0])).toBe("hello");
    socket.destroy();
  });

  test("is read by controllers of this process as values", async () => {
    const { plane } = server;
    const answer = await plane.server.handle({
      method: "GET",
      path: collection,
      headers: {},
      body: { kind: "none" },
      identity: { name: "system:admin", groups: ["system:masters"] },
      signal: new AbortController().signal,
    });
    expect(answer.body.kind === "object" && answer.body.value()).toMatchObject({ kind: "GreetingList" });
  });

  test("is not believed when another certificate turns up at its place", async () => {
    using impostor = await startGreetings(server, "somebody.else.svc");
    const patch = { spec: { service: { port: impostor.port } } };
    const headers = { "content-type": "application/merge-patch+json" };
    await call("PATCH", `${services}/${name}`, { body: patch, headers });
    await expect.poll(condition, patient).toMatchObject({ status: "False", reason: "FailedDiscoveryCheck" });
    expect((await call("GET", collection)).status).toBe(503);
  });

  test("on this very machine is not called without proof of its name", async () => {
    const headers = { "content-type": "application/merge-patch+json" };
    const spec = { caBundle: null, insecureSkipTLSVerify: true, service: { port: greetings.port } };
    await call("PATCH", `${services}/${name}`, { body: { spec }, headers });
    await expect.poll(condition, patient).toMatchObject({
      reason: "FailedDiscoveryCheck",
      message: expect.stringContaining("address not allowed"),
    });
  });

  test("leaves nothing behind when its APIService goes", async () => {
    expect((await call("DELETE", `${services}/${name}`)).status).toBe(200);
    await expect.poll(async () => (await call("GET", collection)).status, patient).toBe(404);
    expect((await call("GET", "/apis")).text).not.toContain("example.navarch.dev");
  });
});

describe("local group versions", () => {
  test("have APIServices that are available, and get them back", async () => {
    const read = async () => JSON.parse((await call("GET", `${services}/v1.apps`)).text);
    expect(await read()).toMatchObject({
      metadata: { labels: { "kube-aggregator.kubernetes.io/automanaged": "onstart" } },
      spec: { group: "apps", version: "v1", groupPriorityMinimum: 17800, versionPriority: 15 },
      status: { conditions: [{ type: "Available", status: "True", reason: "Local" }] },
    });
    await call("DELETE", `${services}/v1.apps`);
    expect((await call("GET", "/apis/apps/v1/deployments")).status).toBe(200);
    await expect.poll(async () => (await read()).kind, patient).toBe("APIService");
  });

  test("of custom resources come and go with their definitions", async () => {
    const definition = load(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.agg.example.com}
spec:
  group: agg.example.com
  scope: Namespaced
  names: {plural: things, kind: Thing}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`);
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    expect((await call("POST", path, { body: definition })).status).toBe(201);
    const status = async () => (await call("GET", `${services}/v1.agg.example.com`)).status;
    await expect.poll(status, patient).toBe(200);
    await call("DELETE", `${path}/things.agg.example.com`);
    await expect.poll(status, patient).toBe(404);
  });
});
