import { describe, expect, test } from "vitest";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { Deadline } from "./deadline.ts";
import { requestInfo } from "./request-info.ts";
import { openServerFixture } from "./server-fixture.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const never = () => new Promise<never>(() => {});

describe("an answer that does not come", () => {
  test.each([
    { path: maps, given: 60_000, because: "the server waits a minute" },
    { path: `${maps}?timeout=2s`, given: 2_000, because: "the request says so" },
    { path: `${maps}?timeout=1h`, given: 60_000, because: "a request cannot ask for more" },
    { path: `${maps}?timeout=0`, given: 60_000, because: "nothing is no wish" },
  ])("is given up after $given ms: $because", async ({ path, given }) => {
    const clock = new VirtualClock();
    const answer = new Deadline(clock).within(requestInfo("GET", path), never);
    expect(clock.nextDue).toBe(clock.monotonic() + given);
    clock.advance(given);
    await expect(answer).rejects.toMatchObject({ code: "timeout" });
  });
});

test("an answer that comes leaves no timer behind", async () => {
  const clock = new VirtualClock();
  expect(await new Deadline(clock).within(requestInfo("GET", maps), async () => 1)).toBe(1);
  expect(clock.nextDue).toBeUndefined();
});

test("a body that never comes is answered", async () => {
  await using fixture = await openServerFixture();
  const late = await fixture.server.handle({
    method: "POST",
    path: `${maps}?timeout=1ms`,
    headers: { "content-type": "application/json" },
    body: { kind: "bytes", read: never, async *chunks() {} },
    identity: { name: "admin", groups: ["system:masters"] },
    signal: new AbortController().signal,
  });
  expect(late.status).toBe(504);
});

test("a time that is none is refused, but a watch has none to say", async () => {
  await using fixture = await openServerFixture();
  const { status, body } = await fixture.call("GET", `${maps}?timeout=soon`);
  expect(status).toBe(400);
  expect(body.message).toBe('invalid timeout specified in the request URL - time: invalid duration "soon"');
  expect((await fixture.call("GET", `${maps}?watch=true&timeoutSeconds=1&timeout=soon`)).status).toBe(200);
});
