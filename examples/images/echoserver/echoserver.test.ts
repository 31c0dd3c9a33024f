import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { echo } from "./echoserver.ts";

test("prints who asked for what, with which headers and body", async () => {
  const server = createServer(echo).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string, init?: RequestInit) =>
    await (await fetch(`http://127.0.0.1:${port}${path}`, init)).text();
  const plain = (await ask("/")).split("\n");
  expect(plain.slice(0, 7)).toEqual([
    "CLIENT VALUES:",
    "client_address=127.0.0.1",
    "command=GET",
    "real path=/",
    "query=nil",
    "request_version=1.1",
    `request_uri=http://127.0.0.1:${port}/`,
  ]);
  expect(plain.at(-1)).toBe("-no body in request-");
  const posted = await ask("/x?a=b", { method: "POST", body: "payload", headers: { "x-forwarded-for": "10.0.0.9" } });
  expect(posted).toContain("query=a=b\n");
  expect(posted).toContain("x-forwarded-for=10.0.0.9\n");
  expect(posted.endsWith("BODY:\npayload")).toBe(true);
  server.close();
});
