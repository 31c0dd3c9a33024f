import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { postJson } from "./post-json.ts";

async function serving(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/filter`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
const post = postJson({ urlPrefix: "" });
const patient = { timeoutMs: 5000 };

test("a body goes out as JSON and the answer comes back decoded", async () => {
  await using server = await serving(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as object;
    response.end(JSON.stringify({ method: request.method, type: request.headers["content-type"], body }));
  });
  expect(await post(server.url, { pod: "ä" }, patient)).toEqual({
    method: "POST",
    type: "application/json",
    body: { pod: "ä" },
  });
});

test.each([
  {
    name: "an error's status",
    answer: ((_, response) => response.writeHead(500).end("{}")) as RequestListener,
    text: "answered with 500",
  },
  { name: "what is no JSON", answer: ((_, response) => response.end("<html>")) as RequestListener, text: "no JSON" },
])("$name is a fault", async ({ answer, text }) => {
  await using server = await serving(answer);
  await expect(post(server.url, {}, patient)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(text),
  });
});

test("an extender that is silent is given up", async () => {
  await using server = await serving(() => {});
  await expect(post(server.url, {}, { timeoutMs: 20 })).rejects.toMatchObject({ code: "unavailable" });
});

test("nobody listens", async () => {
  const server = await serving(() => {});
  await server[Symbol.asyncDispose]();
  await expect(post(server.url, {}, patient)).rejects.toMatchObject({ code: "unavailable" });
});
