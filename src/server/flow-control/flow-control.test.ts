import { describe, expect, test } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { ServerRequest, ServerResponse, UserInfo } from "../exchange.ts";
import { requestInfo } from "../request-info.ts";
import { admin, openServerFixture } from "../server-fixture.ts";
import { allocateSeats, SeatDemand } from "./allocation.ts";
import { flowDumps } from "./dumps.ts";
import { FlowControl, type Refused, type Ticket } from "./flow-control.ts";
import { dealHand } from "./shuffle-sharding.ts";
import { widestFor } from "./work-estimate.ts";

const member = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, "system:authenticated"] });
const pods = requestInfo("GET", "/api/v1/namespaces/default/pods/a");
const isTicket = (outcome: Ticket | Refused): outcome is Ticket => "release" in outcome;

async function open(seats = 600) {
  await using opened = new AsyncDisposableStack();
  const fixture = opened.use(await openServerFixture());
  const clock = new VirtualClock();
  const metrics = new Metrics();
  const flow = opened.use(
    new FlowControl({ registry: fixture.server.registry, clock, log: silentLog, metrics, seats }),
  );
  await flow.start();
  const admit = (user: UserInfo, info = pods, signal = new AbortController().signal) =>
    flow.admit(user, info, () => signal);
  const running = opened.move();
  return { ...fixture, clock, metrics, flow, admit, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function uidOf(call: Awaited<ReturnType<typeof open>>["call"], schema: string): Promise<string> {
  const { body } = await call("GET", `/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/${schema}`);
  return String(body.metadata?.uid);
}

describe("classification", () => {
  test.each([
    { who: member("root", "system:masters"), path: "/api/v1/pods", schema: "exempt" },
    { who: member("jane"), path: "/healthz", schema: "probes" },
    { who: member("jane"), path: "/version", schema: "global-default" },
    { who: member("system:node:n", "system:nodes"), path: "/api/v1/nodes/n", schema: "system-node-high" },
    { who: member("system:node:n", "system:nodes"), path: "/api/v1/namespaces/a/pods/b", schema: "system-nodes" },
    { who: member("system:kube-scheduler"), path: "/api/v1/pods", schema: "kube-scheduler" },
    {
      who: member("system:kube-scheduler"),
      path: "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler",
      schema: "system-leader-election",
    },
    {
      who: member("system:serviceaccount:kube-system:x", "system:serviceaccounts"),
      path: "/api/v1/pods",
      schema: "kube-system-service-accounts",
    },
    {
      who: member("system:serviceaccount:a:x", "system:serviceaccounts"),
      path: "/api/v1/pods",
      schema: "service-accounts",
    },
    { who: { name: "nobody", groups: [] }, path: "/api/v1/pods", schema: "catch-all" },
  ])("$who.name asking for $path is sorted into $schema", async ({ who, path, schema }) => {
    await using bench = await open();
    const outcome = await bench.admit(who, requestInfo("GET", path));
    expect(outcome.headers["x-kubernetes-pf-flowschema-uid"]).toBe(await uidOf(bench.call, schema));
    if (isTicket(outcome)) outcome.release();
  });

  test("answers name the schema and the level, and the schema's status that its level is there", async () => {
    await using bench = await open();
    const answer = await bench.call("GET", "/api/v1/namespaces", { as: member("system:kube-scheduler") });
    expect(answer.headers["x-kubernetes-pf-flowschema-uid"]).toBe(await uidOf(bench.call, "kube-scheduler"));
    expect(answer.headers["x-kubernetes-pf-prioritylevel-uid"]).toMatch(/^[0-9a-f-]{36}$/);
    await expect
      .poll(async () => {
        const { body } = await bench.call("GET", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/kube-scheduler");
        return body.status?.conditions?.[0];
      })
      .toMatchObject({ type: "Dangling", status: "False", reason: "Found" });
  });
});

describe("a crowded level", () => {
  // Of 24 seats global-default gets two: 20 shares of 245.
  const seats = 24;

  test("works on as many as it has seats, and on the next when one is done", async () => {
    await using bench = await open(seats);
    const jane = member("jane");
    const [first, second] = [bench.admit(jane), bench.admit(jane)];
    const third = bench.admit(jane);
    expect([first, second, third].map((outcome) => outcome instanceof Promise)).toEqual([false, false, true]);
    (first as Ticket).release();
    expect(isTicket(await third)).toBe(true);
    expect(await bench.metrics.text()).toContain(
      'apiserver_flowcontrol_current_inqueue_requests{priority_level="global-default",flow_schema="global-default"} 0',
    );
  });

  test("refuses who waited too long, and forgets who went away", async () => {
    await using bench = await open(seats);
    const jane = member("jane");
    // More than the level could ever borrow seats for.
    for (let index = 0; index < 30; index++) bench.admit(jane);
    const patient = bench.admit(jane);
    const gone = new AbortController();
    const left = bench.admit(jane, pods, gone.signal);
    gone.abort();
    expect(await left).toMatchObject({ refused: "cancelled" });
    bench.clock.advance(15_000);
    expect(await patient).toMatchObject({ refused: "time-out" });
  });

  test("refuses at once when a flow's queues are full, and still takes another flow's requests", async () => {
    await using bench = await open(seats);
    const greedy = member("greedy");
    bench.admit(greedy);
    bench.admit(greedy);
    const outcomes = Array.from({ length: 6 * 50 + 1 }, () => bench.admit(greedy));
    expect(outcomes.filter((outcome) => !(outcome instanceof Promise))).toMatchObject([{ refused: "queue-full" }]);
    expect(bench.admit(member("modest"))).toBeInstanceOf(Promise);
  });

  test("serves a modest flow before the rest of a greedy one", async () => {
    await using bench = await open(seats);
    const order: string[] = [];
    const ask = (name: string) => {
      const outcome = bench.admit(member(name));
      const done = async (ticket: Ticket | Refused) => {
        order.push(name);
        if (isTicket(ticket)) ticket.release();
      };
      return outcome instanceof Promise ? outcome.then(done) : outcome;
    };
    const [first, second] = [ask("greedy"), ask("greedy")] as [Ticket, Ticket];
    const rest = Array.from({ length: 40 }, () => ask("greedy"));
    const modest = ask("modest");
    first.release();
    second.release();
    await Promise.all([...rest, modest]);
    expect(order.indexOf("modest")).toBeLessThan(10);
  });

  test("without queues refuses what finds no seat", async () => {
    await using bench = await open(seats);
    const nobody = { name: "nobody", groups: [] };
    bench.admit(nobody);
    expect(bench.admit(nobody)).toMatchObject({ refused: "concurrency-limit" });
  });

  test("borrows the seats that others lend, and gives them back when it is quiet", async () => {
    await using bench = await open(seats);
    const limit = async () =>
      Number(/current_limit_seats\{priority_level="global-default"\} (\d+)/.exec(await bench.metrics.text())?.[1]);
    const outcomes = Array.from({ length: 12 }, () => bench.admit(member("jane")));
    expect(await limit()).toBe(2);
    bench.clock.advance(10_000);
    expect(await limit()).toBeGreaterThan(4);
    const running = Promise.all(outcomes);
    for (const outcome of outcomes) void Promise.resolve(outcome).then((one) => isTicket(one) && one.release());
    await running;
    bench.clock.advance(10_000);
    bench.clock.advance(10_000);
    expect(await limit()).toBe(2);
    expect(bench.clock.nextDue).toBeUndefined();
  });

  test("exempt requests never wait", async () => {
    await using bench = await open(seats);
    const outcomes = Array.from({ length: 500 }, () => bench.admit(member("root", "system:masters")));
    expect(outcomes.some((outcome) => outcome instanceof Promise)).toBe(false);
  });
});

test("who is refused is told when to come back", async () => {
  await using fixture = await openServerFixture({
    inflight: { reading: 1, mutating: 0 },
    transportSecurity: "max-age=31536000",
  });
  // Without it, users come to the last level, which has no queues.
  await fixture.call("DELETE", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/global-default");
  const jane = member("jane");
  const last = await uidOf(fixture.call, "catch-all");
  const sorted = async () =>
    (await fixture.call("GET", "/version", { as: jane })).headers["x-kubernetes-pf-flowschema-uid"];
  await expect.poll(sorted).toBe(last);
  const body = Promise.withResolvers<Uint8Array>();
  const slow = fixture.server.handle({
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    headers: { "content-type": "application/json" },
    body: { kind: "bytes", read: () => body.promise, async *chunks() {} },
    identity: jane,
    signal: new AbortController().signal,
  });
  const refused = await fixture.call("GET", "/version", { as: jane });
  expect(refused).toMatchObject({ status: 429, text: "Too many requests, please try again later.\n" });
  expect(refused.headers).toMatchObject({
    "retry-after": "1",
    "cache-control": "no-cache, private",
    "strict-transport-security": "max-age=31536000",
    "x-kubernetes-pf-flowschema-uid": expect.any(String),
  });
  body.resolve(Buffer.from("{}"));
  expect((await slow).status).toBe(201);
  expect((await fixture.call("GET", "/version", { as: jane })).status).toBe(200);
});

test("levels, queues and requests can be looked at, as upstream prints them", async () => {
  await using bench = await open(24);
  const jane = member("jane");
  for (let index = 0; index < 5; index++) bench.admit(jane);
  const dumps = flowDumps(bench.flow);
  const rows = async (name: string, query = "") => {
    const path = `/debug/api_priority_and_fairness/dump_${name}`;
    const about = { isResource: false, path, verb: "get", query: new URLSearchParams(query) } as const;
    const { body } = (await dumps[path]?.({} as ServerRequest, about)) as ServerResponse;
    const text = body.kind === "bytes" ? Buffer.from(body.bytes).toString() : "";
    return text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/, */).map((cell) => cell.trim()));
  };
  const levels = await rows("priority_levels");
  expect(levels[0]?.slice(0, 6)).toEqual([
    "PriorityLevelName",
    "ActiveQueues",
    "IsIdle",
    "IsQuiescing",
    "WaitingRequests",
    "ExecutingRequests",
  ]);
  expect(levels.find(([name]) => name === "global-default")?.slice(2)).toEqual([
    "false",
    "false",
    "3",
    "2",
    "2",
    "0",
    "0",
    "0",
  ]);
  const queues = (await rows("queues")).filter(([name, , pending]) => name === "global-default" && pending !== "0");
  expect(queues.reduce((sum, [, , pending]) => sum + Number(pending), 0)).toBe(3);
  const requests = await rows("requests", "includeRequestDetails=1");
  const own = requests.filter(([name]) => name === "global-default");
  expect(own.map(([, schema, queue, , who]) => [schema, Number(queue) < 0, who])).toEqual([
    ...Array(2).fill(["global-default", true, "jane"]),
    ...Array(3).fill(["global-default", false, "jane"]),
  ]);
  expect(own.at(-1)?.slice(9)).toEqual([
    "0001-01-01T00:00:00Z",
    "jane",
    "get",
    "/api/v1/namespaces/default/pods/a",
    "default",
    "a",
    "v1",
    "pods",
    "",
  ]);
});

describe("the parts", () => {
  test("a flow is always dealt the same hand of different queues", () => {
    const hand = dealHand("global-default/jane", 128, 6);
    expect(new Set(hand).size).toBe(6);
    expect(hand.every((queue) => queue >= 0 && queue < 128)).toBe(true);
    expect(dealHand("global-default/jane", 128, 6)).toEqual(hand);
    expect(dealHand("global-default/joe", 128, 6)).not.toEqual(hand);
  });

  test("seats are shared by need between the least and the most of each", () => {
    const shares = allocateSeats(100, [
      { name: "idle", least: 10, most: 100, target: 10 },
      { name: "busy", least: 20, most: 100, target: 90 },
      { name: "bound", least: 5, most: 15, target: 50 },
    ]);
    expect(shares.get("bound")).toBe(15);
    expect((shares.get("idle") ?? 0) + (shares.get("busy") ?? 0)).toBeGreaterThanOrEqual(84);
    expect(shares.get("idle")).toBeGreaterThanOrEqual(10);
  });

  test("demand rises at once and falls slowly", () => {
    const demand = new SeatDemand(0);
    demand.set(10, 0);
    expect(demand.period(1000).target).toBe(10);
    demand.set(0, 1000);
    expect(demand.period(2000).target).toBeCloseTo(9.77);
  });

  test("a list is at most as wide as a part of its level", () => {
    expect([1, 10, 50, 600].map(widestFor)).toEqual([1, 2, 8, 10]);
  });

  test("people keep what they took over; the mandatory objects come back", async () => {
    await using bench = await open();
    const { call } = bench;
    const path = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations";
    const patch = { headers: { "content-type": "application/merge-patch+json" }, as: admin };
    const shares = { spec: { limited: { nominalConcurrencyShares: 77 } } };
    await call("PATCH", `${path}/workload-low`, {
      ...patch,
      body: { metadata: { annotations: { "apf.kubernetes.io/autoupdate-spec": "false" } }, ...shares },
    });
    await call("PATCH", `${path}/workload-high`, { ...patch, body: shares });
    await call("PATCH", `${path}/catch-all`, { ...patch, body: shares });
    const { bootstrapFlowControl } = await import("./bootstrap-flow-control.ts");
    await bootstrapFlowControl(bench.server.registry);
    const sharesOf = async (name: string) =>
      (await call("GET", `${path}/${name}`)).body.spec?.limited?.nominalConcurrencyShares;
    expect(await Promise.all(["workload-low", "workload-high", "catch-all"].map(sharesOf))).toEqual([77, 40, 5]);
  });
});
