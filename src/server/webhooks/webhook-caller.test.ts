import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { faultCode } from "../../lib/fault.ts";
import { type CertificatePair, selfSigned } from "../../wire/certificate-fixture.ts";
import { type RemoteEndpoint, webhookEndpoint } from "./endpoint.ts";
import { httpsCaller } from "./webhook-caller.ts";

let pair: CertificatePair;
beforeAll(async () => {
  pair = await selfSigned("CN=webhook");
});

const caller = httpsCaller(systemClock);
afterAll(() => caller[Symbol.dispose]());

/** Serves HTTPS on a free port until it is disposed. */
async function serve(
  listener: RequestListener,
): Promise<AsyncDisposable & { readonly endpoint: RemoteEndpoint; connections: number }> {
  const server = createServer({ key: pair.key, cert: pair.cert }, listener);
  let connections = 0;
  server.on("secureConnection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: { url: `https://127.0.0.1:${port}/hook`, ca: pair.cert },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => ({ code: faultCode(error), message: String((error as Error).message) }),
  );
const timeout = 20_000;

describe("webhook caller", () => {
  test("posts JSON and reads the answer, on one connection for calls one after the other", async () => {
    const seen: string[] = [];
    await using server = await serve((request, response) => {
      let text = "";
      request.on("data", (part) => {
        text += String(part);
      });
      request.on("end", () => {
        seen.push(`${request.method} ${request.url} ${request.headers["content-type"]} ${text}`);
        response.end(JSON.stringify({ answer: 42 }));
      });
    });
    for (let round = 0; round < 2; round++) {
      expect(await caller.post(server.endpoint, { a: 1 }, { timeout, query: "timeout=10s" })).toEqual({ answer: 42 });
    }
    expect(seen).toEqual(Array(2).fill('POST /hook?timeout=10s application/json {"a":1}'));
    expect(server.connections).toBe(1);
  });

  test("an empty answer is nothing", async () => {
    await using server = await serve((_request, response) => response.writeHead(204).end());
    expect(await caller.post(server.endpoint, {}, { timeout })).toBeUndefined();
  });

  test("a server whose certificate descends from nothing known is not told anything", async () => {
    let asked = 0;
    await using server = await serve((_request, response) => {
      asked += 1;
      response.end("{}");
    });
    const result = await failure(caller.post({ url: server.endpoint.url }, { secret: 1 }, { timeout }));
    expect(result).toEqual({
      code: "unavailable",
      message: `Post "${server.endpoint.url}": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    });
    expect(asked).toBe(0);
  });

  test("a certificate for another name is refused", async () => {
    await using server = await serve((_request, response) => response.end("{}"));
    const result = await failure(caller.post({ ...server.endpoint, serverName: "other.ns.svc" }, {}, { timeout }));
    expect(result?.code).toBe("unavailable");
    expect(result?.message).toContain("x509");
  });

  test("an answer that never comes ends with the time limit", async () => {
    await using server = await serve(() => {});
    const result = await failure(caller.post(server.endpoint, {}, { timeout: 50 }));
    expect(result).toEqual({ code: "timeout", message: `Post "${server.endpoint.url}": context deadline exceeded` });
  });

  test("a body that never ends is cut off at its limit", async () => {
    await using server = await serve((_request, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(16 * 1024)));
        response.once("drain", more);
      };
      more();
    });
    const result = await failure(caller.post(server.endpoint, {}, { timeout, limit: 100_000 }));
    expect(result).toMatchObject({ code: "invalid", message: expect.stringContaining("longer than 100000 bytes") });
  });

  test("a redirect is not followed, and what an error says is not handed on", async () => {
    let followed = 0;
    await using target = await serve((_request, response) => {
      followed += 1;
      response.end("{}");
    });
    await using server = await serve((_request, response) =>
      response.writeHead(302, { location: target.endpoint.url }).end("inner secret"),
    );
    const result = await failure(caller.post(server.endpoint, {}, { timeout }));
    expect(result?.code).toBe("unavailable");
    expect(result?.message).not.toContain("secret");
    expect(followed).toBe(0);
  });

  test("text that is no JSON is an invalid answer", async () => {
    await using server = await serve((_request, response) => response.end("<html>"));
    expect(await failure(caller.post(server.endpoint, {}, { timeout }))).toMatchObject({ code: "invalid" });
  });

  test("a port that nobody listens on is named", async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    const result = await failure(caller.post(server.endpoint, {}, { timeout }));
    expect(result?.message).toMatch(/dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/);
  });

  test("the caller gives up with its signal", async () => {
    const controller = new AbortController();
    await using server = await serve(() => controller.abort());
    const result = await failure(caller.post(server.endpoint, {}, { timeout, signal: controller.signal }));
    expect(result?.code).toBe("aborted");
  });
});

describe("webhook endpoints", () => {
  test("a service is called by its cluster name, wherever it is", async () => {
    const services = { resolve: async () => ({ host: "10.1.2.3", port: 8443 }) };
    const client = { service: { namespace: "ns", name: "svc", path: "/check", port: 443 }, caBundle: "QUJD" };
    const { address, ...endpoint } = webhookEndpoint(client, services);
    expect(endpoint).toEqual({ url: "https://svc.ns.svc:443/check", serverName: "svc.ns.svc", ca: "ABC" });
    expect(await address?.()).toEqual({ host: "10.1.2.3", port: 8443 });
  });
});
