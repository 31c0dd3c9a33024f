import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { type LocalServer, openLocalServer } from "./tools/local-server.ts";

/** How lists answer to resourceVersion, resourceVersionMatch, limit and continue. */
const path = "/api/v1/namespaces/default/configmaps";
let server: LocalServer<VirtualClock>;
/** The revision after each of four creates (a, b, c, d), and after the last change (b deleted, c changed). */
let moments: readonly string[];
let latest: string;

beforeAll(async () => {
  server = await openLocalServer();
  const seen: string[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    const { body } = await server.call("POST", path, { metadata: { name }, data: { at: name } });
    seen.push(body.metadata.resourceVersion!);
  }
  moments = seen;
  await server.call("DELETE", `${path}/b`);
  const { body } = await server.call("PUT", `${path}/c`, { metadata: { name: "c" }, data: { at: "later" } });
  latest = body.metadata.resourceVersion!;
});
afterAll(() => server?.[Symbol.asyncDispose]());

const names = (items: readonly { readonly metadata: { readonly name: string } }[] | undefined) =>
  items?.map(({ metadata }) => metadata.name).filter((name) => !name.startsWith("kube-"));

async function list(query: Readonly<Record<string, string>>) {
  return server.call("GET", `${path}?${new URLSearchParams(query)}`);
}

describe("which moment a list shows", () => {
  const now = ["a", "c", "d"];
  test.each([
    { name: "nothing said: the latest", query: () => ({}), shows: now, at: "latest" },
    { name: "nothing said, in pages: the latest", query: () => ({ limit: "2" }), shows: ["a", "c"], at: "latest" },
    { name: "0: whatever the cache has", query: () => ({ resourceVersion: "0" }), shows: now, at: "latest" },
    {
      name: "0, in pages: the cache's answer is not cut",
      query: () => ({ resourceVersion: "0", limit: "1" }),
      shows: now,
      at: "latest",
    },
    {
      name: "0, not older than: whatever the cache has",
      query: () => ({ resourceVersion: "0", resourceVersionMatch: "NotOlderThan" }),
      shows: now,
      at: "latest",
    },
    {
      name: "a revision: not older than that",
      query: () => ({ resourceVersion: moments[1]! }),
      shows: now,
      at: "latest",
    },
    {
      name: "a revision, not older than: not older than that",
      query: () => ({ resourceVersion: moments[1]!, resourceVersionMatch: "NotOlderThan" }),
      shows: now,
      at: "latest",
    },
    {
      name: "a revision, exact: that very moment",
      query: () => ({ resourceVersion: moments[1]!, resourceVersionMatch: "Exact" }),
      shows: ["a", "b"],
      at: "asked",
    },
    {
      name: "a revision, in pages, nothing more said: that very moment",
      query: () => ({ resourceVersion: moments[2]!, limit: "2" }),
      shows: ["a", "b"],
      at: "asked",
    },
    {
      name: "a revision, in pages, exact: that very moment",
      query: () => ({ resourceVersion: moments[2]!, limit: "2", resourceVersionMatch: "Exact" }),
      shows: ["a", "b"],
      at: "asked",
    },
    {
      name: "a revision, in pages, not older than: the latest",
      query: () => ({ resourceVersion: moments[2]!, limit: "2", resourceVersionMatch: "NotOlderThan" }),
      shows: ["a", "c"],
      at: "latest",
    },
  ])("$name", async ({ query, shows, at }) => {
    const asked: Readonly<Record<string, string>> = query();
    const { status, body } = await list(asked);
    expect(status).toBe(200);
    expect(names(body.items)).toEqual(shows);
    const revision = BigInt(body.metadata.resourceVersion!);
    if (at === "asked") expect(revision).toBe(BigInt(asked.resourceVersion!));
    else expect(revision).toBeGreaterThanOrEqual(BigInt(latest));
  });

  test("an exact list shows objects as they were, with the revision they had", async () => {
    const { body } = await list({ resourceVersion: moments[3]!, resourceVersionMatch: "Exact" });
    const c = body.items?.find(({ metadata }) => metadata.name === "c");
    expect(c).toMatchObject({ data: { at: "c" }, metadata: { resourceVersion: moments[2] } });
  });
});

describe("what is refused", () => {
  const forbidden = (field: string, text: string) => `${field}: Forbidden: ${text}`;
  test.each([
    {
      name: "a match without a revision",
      query: { resourceVersionMatch: "Exact" },
      says: forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    },
    {
      name: "a match when continuing",
      query: { resourceVersion: "5", resourceVersionMatch: "Exact", continue: "x" },
      says: forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"),
    },
    {
      name: "exactly 0",
      query: { resourceVersion: "0", resourceVersionMatch: "Exact" },
      says: forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    },
    {
      name: "a match that does not exist",
      query: { resourceVersion: "5", resourceVersionMatch: "Nearly" },
      says: 'resourceVersionMatch: Unsupported value: "Nearly": supported values: "Exact", "NotOlderThan", ""',
    },
    {
      name: "initial events of a list",
      query: { sendInitialEvents: "true" },
      says: forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"),
    },
  ])("$name", async ({ query, says }) => {
    const { status, body } = await list(query as unknown as Record<string, string>);
    expect({ status, reason: body.reason }).toEqual({ status: 422, reason: "Invalid" });
    expect(body.message).toBe(`ListOptions.meta.k8s.io "" is invalid: ${says}`);
  });

  test.each([
    { name: "a revision when continuing", query: { resourceVersion: "5", continue: "e30" } },
    { name: "a revision that is no number", query: { resourceVersion: "abc" } },
    { name: "a negative revision", query: { resourceVersion: "-1" } },
    { name: "a token that is none", query: { continue: "&&&" } },
    { name: "a token of nothing", query: { continue: Buffer.from("{}").toString("base64url") } },
    {
      name: "a token that climbs out of its namespace",
      query: {
        continue: Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: 5, start: "../../secrets/" })).toString(
          "base64url",
        ),
      },
    },
    { name: "a limit that is no number", query: { limit: "many" } },
    { name: "a timeout that is no number", query: { timeoutSeconds: "long" } },
  ])("$name", async ({ query }) => {
    const { status, body } = await list(query as unknown as Record<string, string>);
    expect({ status, reason: body.reason }).toEqual({ status: 400, reason: "BadRequest" });
  });

  test("a revision that nobody has reached times out with a hint to come back", async () => {
    const asking = list({ resourceVersion: "1000000" });
    await new Promise((resolve) => setImmediate(resolve));
    server.clock.advance(3000);
    const { status, body } = await asking;
    expect({ status, reason: body.reason }).toEqual({ status: 504, reason: "Timeout" });
    expect(body.message).toMatch(/^Too large resource version: 1000000, current: \d+$/);
    expect(body.details?.causes?.[0]?.reason).toBe("ResourceVersionTooLarge");
  });
});

describe("pages", () => {
  test("pages add up to the first one's moment, whatever is written meanwhile", async () => {
    await using own = await openLocalServer();
    for (let index = 0; index < 7; index++) await own.call("POST", path, { metadata: { name: `p${index}` } });
    const pages: (readonly string[] | undefined)[] = [];
    const counts: (number | undefined)[] = [];
    let token = "";
    for (let page = 0; page === 0 || token !== ""; page++) {
      const query = new URLSearchParams({ limit: "3", labelSelector: "", ...(token ? { continue: token } : {}) });
      const { body } = await own.call("GET", `${path}?${query}`);
      pages.push(names(body.items));
      counts.push(body.metadata.remainingItemCount);
      token = body.metadata.continue ?? "";
      await own.call("DELETE", `${path}/p${page + 3}`);
      await own.call("POST", path, { metadata: { name: `p5${page}` } });
    }
    expect(pages).toEqual([["p0", "p1", "p2"], ["p3", "p4", "p5"], ["p6"]]);
    expect(counts).toEqual([4, 1, undefined]);
  });

  test("a selector fills each page and leaves the count out", async () => {
    await using own = await openLocalServer();
    for (let index = 0; index < 9; index++) {
      await own.call("POST", path, { metadata: { name: `p${index}`, labels: { odd: String(index % 2) } } });
    }
    const first = await own.call("GET", `${path}?labelSelector=odd%3D1&limit=3`);
    expect(names(first.body.items)).toEqual(["p1", "p3", "p5"]);
    expect(first.body.metadata.remainingItemCount).toBeUndefined();
    const token = encodeURIComponent(first.body.metadata.continue!);
    const rest = await own.call("GET", `${path}?labelSelector=odd%3D1&limit=3&continue=${token}`);
    expect(names(rest.body.items)).toEqual(["p7"]);
    expect(rest.body.metadata.continue).toBeUndefined();
  });

  test("after a compaction a page is Expired, and its token goes on with what is there now", async () => {
    await using own = await openLocalServer();
    for (const name of ["a", "b", "c", "d"]) await own.call("POST", path, { metadata: { name } });
    const first = await own.call("GET", `${path}?limit=2`);
    await own.call("DELETE", `${path}/c`);
    await own.call("POST", path, { metadata: { name: "e" } });
    await own.store.compact(await own.store.revision());
    const expired = await own.call(
      "GET",
      `${path}?limit=2&continue=${encodeURIComponent(first.body.metadata.continue!)}`,
    );
    expect({ status: expired.status, reason: expired.body.reason }).toEqual({ status: 410, reason: "Expired" });
    expect(expired.body.message).toMatch(
      /^The provided continue parameter is too old to display a consistent list result\. You can start a new list without the continue parameter, or use the continue token in this response/,
    );
    const token = encodeURIComponent(expired.body.metadata.continue!);
    const rest = await own.call("GET", `${path}?limit=2&continue=${token}`);
    expect(names(rest.body.items)?.slice(0, 2)).toEqual(["d", "e"]);
  });

  test("an exact list from before a compaction is Expired", async () => {
    await using own = await openLocalServer();
    const { body } = await own.call("POST", path, { metadata: { name: "a" } });
    await own.call("POST", path, { metadata: { name: "b" } });
    await own.store.compact(await own.store.revision());
    const asked = `resourceVersion=${body.metadata.resourceVersion}&resourceVersionMatch=Exact`;
    const expired = await own.call("GET", `${path}?${asked}`);
    expect(expired).toMatchObject({
      status: 410,
      body: { reason: "Expired", message: "The resourceVersion for the provided list is too old." },
    });
  });
});
