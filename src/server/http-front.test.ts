import { expect, test } from "vitest";
import { errorMessage, faultCode } from "../lib/fault.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { HttpRequest } from "../wire/http-server.ts";
import { textResponse } from "./bodies/status-body.ts";
import { serveHttp } from "./http-front.ts";

const request = (body: Promise<Uint8Array>): HttpRequest => ({
  method: "POST",
  target: "/api/v1/namespaces",
  headers: {},
  peer: { address: "10.0.0.1" },
  signal: new AbortController().signal,
  body: () => body,
  async *chunks() {},
});

/** A server that reads the body and says how that went. */
const reading = (clock: VirtualClock) =>
  serveHttp(async ({ body }) => {
    if (body.kind !== "bytes") return textResponse(400, "no body");
    try {
      return textResponse(200, Buffer.from(await body.read(100)).toString());
    } catch (error) {
      return textResponse(504, `${faultCode(error)}: ${errorMessage(error)}`);
    }
  }, clock);

test("a body that does not come within a minute is given up", async () => {
  const clock = new VirtualClock();
  const answer = reading(clock)(request(new Promise(() => {})));
  await Promise.resolve();
  clock.advance(60_000);
  expect(await answer).toMatchObject({
    status: 504,
    body: Buffer.from("timeout: Timeout: request did not complete within the allotted timeout"),
  });
});

test("a body that comes leaves no timer behind", async () => {
  const clock = new VirtualClock();
  expect(await reading(clock)(request(Promise.resolve(Buffer.from("{}"))))).toMatchObject({ status: 200 });
  expect(clock.nextDue).toBeUndefined();
});
