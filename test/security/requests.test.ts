import { once } from "node:events";
import { connect as connectH2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { alice, openServerFixture, type ServerFixture } from "../../src/server/server-fixture.ts";

/** Requests that mean harm, sent as bytes to a real port and as values to the server itself. */
let fixture: ServerFixture;
let port: number;
let stop: () => Promise<void>;

beforeAll(async () => {
  fixture = await openServerFixture();
  const listener = await fixture.server.listen({ host: "127.0.0.1", port: 0 });
  port = listener.port;
  stop = () => listener[Symbol.asyncDispose]();
  const role = "/apis/rbac.authorization.k8s.io/v1/namespaces/team";
  await fixture.make(
    ["/api/v1/namespaces", { metadata: { name: "team" } }],
    ["/api/v1/namespaces/default/secrets", { metadata: { name: "crown" }, stringData: { jewel: "ruby" } }],
    [`${role}/roles`, { metadata: { name: "all" }, rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] }],
    [
      `${role}/rolebindings`,
      {
        metadata: { name: "all" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "all" },
        subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: alice.name }],
      },
    ],
  );
});
afterAll(async () => {
  await stop?.();
  await fixture?.[Symbol.asyncDispose]();
});

/** All that the server says to these bytes before it hangs up; the client says nothing more. */
async function send(...lines: readonly string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.end(lines.join("\r\n"));
  let text = "";
  try {
    for await (const part of socket) text += String(part);
  } catch {
    // Hung up on while still talking: what came before counts.
  }
  return text;
}

const answers = (text: string) => text.match(/^HTTP\/1\.1 \d+/gm) ?? [];

async function alive(): Promise<void> {
  expect(await send("GET /livez HTTP/1.1", "Host: a", "Connection: close", "", "")).toContain("200 OK");
}

describe("smuggling: one request is one request", () => {
  const inner = ["GET /api/v1/namespaces/default/secrets/crown HTTP/1.1", "Host: a", "", ""].join("\r\n");
  test.each([
    {
      what: "a length and chunks",
      lines: [`Content-Length: ${inner.length}`, "Transfer-Encoding: chunked"],
      body: `0\r\n\r\n${inner}`,
    },
    { what: "two lengths", lines: ["Content-Length: 0", `Content-Length: ${inner.length}`], body: inner },
    { what: "a length with a sign", lines: [`Content-Length: +${inner.length}`], body: inner },
    { what: "chunks under another name", lines: ["Transfer-Encoding: xchunked"], body: `0\r\n\r\n${inner}` },
    {
      what: "chunks that are not the last coding",
      lines: ["Transfer-Encoding: chunked, identity"],
      body: `0\r\n\r\n${inner}`,
    },
    { what: "a space before the colon", lines: ["Transfer-Encoding : chunked"], body: `0\r\n\r\n${inner}` },
    { what: "a header that is folded", lines: ["X-A: b", " Transfer-Encoding: chunked"], body: `0\r\n\r\n${inner}` },
    { what: "a chunk's length with a tail", lines: ["Transfer-Encoding: chunked"], body: `0x0\r\n\r\n${inner}` },
  ])("$what", async ({ lines, body }) => {
    const text = await send("POST /api/v1/namespaces HTTP/1.1", "Host: a", ...lines, "", body);
    expect(answers(text).length).toBeLessThanOrEqual(1);
    expect(text).not.toContain("HTTP/1.1 2");
    await alive();
  });
});

describe("floods", () => {
  test.each([
    { what: "one header of more than a megabyte", lines: [`X-A: ${"a".repeat(1_100_000)}`] },
    { what: "a hundred thousand headers", lines: Array.from({ length: 100_000 }, (_, index) => `X-${index}: a`) },
  ])("$what", async ({ lines }) => {
    expect(await send("GET /version HTTP/1.1", "Host: a", ...lines, "", "")).toMatch(/^HTTP\/1\.1 (431|400)|^$/);
    await alive();
  });

  test("a path of more than a megabyte", async () => {
    expect(await send(`GET /api/v1/pods?labelSelector=${"a".repeat(1_100_000)} HTTP/1.1`, "Host: a", "", "")).toMatch(
      /^HTTP\/1\.1 4|^$/,
    );
    await alive();
  });

  test("thousands of streams that are reset at once cost one connection", async () => {
    const session = connectH2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    for (let index = 0; index < 3000 && !session.destroyed; index++) {
      const stream = session.request({ ":path": "/livez" });
      stream.on("error", () => {});
      stream.close(8);
    }
    session.close();
    if (!session.destroyed) await once(session, "close");
    await alive();
  });

  test("a body beyond the limit is refused before it is read whole", async () => {
    const answer = await fixture.call("POST", "/api/v1/namespaces/default/configmaps", { body: "x".repeat(100) });
    expect(answer.status).toBe(400);
    const text = await send("POST /api/v1/namespaces HTTP/1.1", "Host: a", "Content-Length: 999999999999", "", "{");
    expect(text).not.toContain("HTTP/1.1 2");
    await alive();
  });
});

describe("selectors and bodies that are bombs", () => {
  const pods = "/api/v1/namespaces/default/pods";
  const values = Array.from({ length: 50_000 }, (_, index) => `v${index}`).join(",");
  test.each([
    { what: "a set of fifty thousand values", query: `labelSelector=${encodeURIComponent(`a in (${values})`)}` },
    { what: "ten thousand requirements", query: `labelSelector=${Array(10_000).fill("a!=b").join(",")}` },
    { what: "a regular expression", query: `labelSelector=${encodeURIComponent("(a+)+$".repeat(1000))}` },
    { what: "names by the thousand", query: `fieldSelector=${Array(20_000).fill("metadata.name=a=").join(",")}` },
    { what: "commas", query: `fieldSelector=${",".repeat(200_000)}` },
    { what: "brackets", query: `labelSelector=${"(".repeat(100_000)}` },
  ])("$what in a selector", async ({ query }) => {
    expect([200, 400]).toContain((await fixture.call("GET", `${pods}?${query}`)).status);
  });

  test("aliases that stand for a thousand million values", async () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 0; level < 9; level++) {
      const [from, to] = [String.fromCharCode(97 + level), String.fromCharCode(98 + level)];
      lines.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(", ")}]`);
    }
    const body = `${lines.join("\n")}\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: bomb}\n`;
    const headers = { "content-type": "application/yaml" };
    const answer = await fixture.call("POST", "/api/v1/namespaces/default/configmaps", { body, headers });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("excessive aliasing");
  });

  test("brackets without end", async () => {
    const body = `{"a":${"[".repeat(500_000)}`;
    expect((await fixture.call("POST", "/api/v1/namespaces/default/configmaps", { body })).status).toBe(400);
  });

  test.each([
    { body: '{"metadata":{"name":"p1"},"data":{"__proto__":"x"},"__proto__":{"polluted":"yes"}}' },
    { body: '{"metadata":{"name":"p2","labels":{"constructor":"x"}},"data":{"constructor":"x"}}' },
  ])("members that JavaScript knows: $body", async ({ body }) => {
    await fixture.call("POST", "/api/v1/namespaces/default/configmaps", { body });
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });
});

describe("traversal: a path means what was authorized", () => {
  test.each([
    "/api/v1/namespaces/team/secrets/..%2f..%2fdefault%2fcrown",
    "/api/v1/namespaces/team/secrets/../../default/secrets/crown",
    "/api/v1/namespaces/team/../default/secrets/crown",
    "/api/v1/namespaces/team%2f..%2fdefault/secrets/crown",
    "/api/v1/namespaces/team/secrets/%2e%2e/default/crown",
    "/api/v1/namespaces/team/pods/..%2fdefault/log",
    "/api/v1/namespaces/team/pods/p/proxy/../../../../default/secrets/crown",
    "/api/v1/namespaces/team/services/https:..%2f..%2f:443/proxy/",
    "//api/v1/namespaces/default/secrets/crown",
    "/api/v1//namespaces/default/secrets/crown",
    "/api/v1/namespaces//default/secrets/crown",
    "/./api/v1/namespaces/default/secrets/crown",
    "/API/v1/namespaces/default/secrets/crown",
    "/api/v1/namespaces/default/secrets/crown%00",
    "/api/v1/watch/namespaces/default/secrets/crown",
    "/healthz/../api/v1/namespaces/default/secrets/crown",
    "/api/v1/namespaces/default/secrets/crown;x=/livez",
  ])("%s", async (path) => {
    const answer = await fixture.call("GET", path, { as: alice });
    expect([400, 403, 404, 405]).toContain(answer.status);
    expect(answer.text).not.toContain(Buffer.from("ruby").toString("base64"));
  });

  test.each([
    "/debug/pprof/",
    "/debug/pprof/heap",
    "/debug/flags/v",
    "/logs/",
    "/configz",
  ])("%s is not served, not even to administrators", async (path) => {
    expect((await fixture.call("GET", path)).status).toBe(404);
  });
});

describe("SSRF: addresses in objects lead nowhere near", () => {
  const near = ["127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "::ffff:169.254.169.254", "0.0.0.0", "fe80::1"];
  const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } };

  test.each(near)("a pod at %s", async (podIP) => {
    const name = `p-${podIP.replace(/[^0-9a-f]/g, "-")}-x`;
    const path = "/api/v1/namespaces/default/pods";
    await fixture.make([path, { ...pod, metadata: { name } }]);
    const headers = { "content-type": "application/merge-patch+json" };
    const status = { status: { podIP, podIPs: [{ ip: podIP }] } };
    await fixture.call("PATCH", `${path}/${name}/status`, { body: status, headers });
    const answer = await fixture.call("GET", `${path}/${name}:${port}/proxy/livez`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toBe("ok");
  });

  test("a pod behind this very server's address is not asked", async () => {
    const answer = await fixture.call("GET", `/api/v1/namespaces/default/pods/p-127-0-0-1-x:${port}/proxy/livez`);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toBe("address not allowed");
  });

  test.each(["127.0.0.1", "169.254.169.254"])("a Service's endpoint at %s", async (address) => {
    const name = `s-${address.replaceAll(".", "-")}`;
    await fixture.make([
      "/api/v1/namespaces/default/services",
      { metadata: { name }, spec: { ports: [{ port: 80 }] } },
    ]);
    const slice = {
      metadata: { name, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: [{ addresses: [address] }],
      ports: [{ port }],
    };
    await fixture.call("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", { body: slice });
    const answer = await fixture.call("GET", `/api/v1/namespaces/default/services/${name}/proxy/livez`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test.each([
    { what: "an address", address: "127.0.0.1" },
    { what: "a name", address: "localhost" },
  ])("a node that says $what of this machine", async ({ address }) => {
    const name = `n-${address.replaceAll(".", "-")}`;
    await fixture.make(["/api/v1/nodes", { metadata: { name } }]);
    const headers = { "content-type": "application/merge-patch+json" };
    const status = {
      status: {
        addresses: [{ type: address === "localhost" ? "Hostname" : "InternalIP", address }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    };
    await fixture.call("PATCH", `/api/v1/nodes/${name}/status`, { body: status, headers });
    const answer = await fixture.call("GET", `/api/v1/nodes/${name}/proxy/livez`);
    expect([400, 503]).toContain(answer.status);
    expect(answer.text).toContain("address not allowed");
  });
});
