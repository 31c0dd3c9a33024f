import { describe, expect, test } from "vitest";
import type { Lease } from "../api/coordination/lease.ts";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { alreadyExists, conflict, notFound } from "../machinery/status-error.ts";
import type { Client } from "./client.ts";
import { type Candidate, type Lead, runElected, type Term, usualElectionTimes, whileHeld } from "./leader-election.ts";
import type { Transport } from "./transport.ts";

const key = { namespace: "kube-system", name: "kube-scheduler" };
const leases = { group: "coordination.k8s.io", plural: "leases" };

/** One lease, and candidates that write down when they begin and end. */
function setUp() {
  const clock = new VirtualClock();
  const story: string[] = [];
  const unreachable = new Set<string>();
  let lease: Lease | undefined;
  let revision = 0;
  const stored = (next: Lease) => {
    revision += 1;
    lease = { ...next, metadata: { ...next.metadata, resourceVersion: `${revision}` } } as Lease;
    return lease;
  };
  /** Answers wait for this, though what was asked is done. */
  let slow: Promise<void> | undefined;
  const clientOf = (name: string) => {
    const reach = async () => {
      // Neither an answer nor a refusal ever comes.
      if (unreachable.has(name)) await new Promise(() => {});
    };
    return {
      get: async () => {
        await reach();
        if (!lease) throw notFound(leases, key.name);
        return lease;
      },
      create: async (_kind: unknown, next: Lease) => {
        await reach();
        if (lease) throw alreadyExists(leases, key.name);
        return stored(next);
      },
      update: async (_kind: unknown, next: Lease) => {
        await reach();
        if (next.metadata.resourceVersion !== lease?.metadata.resourceVersion) throw conflict(leases, key.name);
        const answer = stored(next);
        await slow;
        return answer;
      },
    } as unknown as Client;
  };
  const candidate = async (
    name: string,
    lead: Lead = async () => {},
    identity = name,
  ): Promise<Candidate & { term(): Term }> => {
    let term: Term | undefined;
    const options = { client: clientOf(name), clock, random: seededRandom(1), log: silentLog, lease: key };
    const made = await runElected({ ...options, identity }, async (given, work) => {
      term = given;
      story.push(`${name} begins`);
      work.defer(() => void story.push(`${name} ends`));
      await lead(given, work);
    });
    return Object.assign(made, { term: () => term! });
  };
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    candidate,
    story,
    clock,
    pass: (ms: number) => clock.pass(ms, settle),
    lease: () => lease!,
    write: (spec: Lease["spec"]) => stored({ ...lease!, spec }),
    cutOff: (name: string) => unreachable.add(name),
    slowDown: (until: Promise<void> | undefined) => {
      slow = until;
    },
  };
}

describe("of two candidates", () => {
  test("the first leads at once and the other stands by, however long", async () => {
    const { candidate, story, pass, lease } = setUp();
    await using a = await candidate("a");
    await using b = await candidate("b");
    await pass(600_000);
    expect(story).toEqual(["a begins"]);
    expect([a.leads, b.leads]).toEqual([true, false]);
    expect(lease().spec).toMatchObject({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 0 });
  });

  test("the other takes over when the leader's renewals stop coming, and not before the lease ran out", async () => {
    const { candidate, story, pass, cutOff, lease } = setUp();
    const a = await candidate("a");
    await using _b = await candidate("b");
    await pass(60_000);
    cutOff("a");
    await pass(usualElectionTimes.renewDeadline + usualElectionTimes.retryPeriod);
    expect(story).toEqual(["a begins", "a ends"]);
    expect(a.leads).toBe(false);
    await pass(usualElectionTimes.leaseDuration);
    expect(story).toEqual(["a begins", "a ends", "b begins"]);
    expect(lease().spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
    await a[Symbol.asyncDispose]();
  });

  test("the leader that ends gives the lease back, after its work has ended", async () => {
    const { candidate, story, pass, lease } = setUp();
    const a = await candidate("a", async (_term, work) => {
      work.defer(() => {
        expect(lease().spec.holderIdentity).toBe("a");
      });
    });
    await using _b = await candidate("b");
    await pass(10_000);
    await a[Symbol.asyncDispose]();
    expect(lease().spec).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
    await pass(usualElectionTimes.retryPeriod * 3);
    expect(story).toEqual(["a begins", "a ends", "b begins"]);
  });

  test("a leader that finds another name in the lease ends its work, and comes again when that one is silent", async () => {
    const { candidate, story, pass, lease, write } = setUp();
    await using _a = await candidate("a");
    await pass(5000);
    write({ ...lease().spec, holderIdentity: "stranger" });
    await pass(6000);
    expect(story).toEqual(["a begins", "a ends"]);
    await pass(30_000);
    expect(story).toEqual(["a begins", "a ends", "a begins"]);
  });
});

test("who finds a lease under its own name takes it at once: a restart need not wait for it to run out", async () => {
  const { candidate, lease, pass, cutOff } = setUp();
  const killed = await candidate("a");
  await pass(3000);
  cutOff("a");
  const { acquireTime } = lease().spec;
  await using again = await candidate("a, started again", undefined, "a");
  expect(again.leads).toBe(true);
  expect(lease().spec).toMatchObject({ acquireTime, leaseTransitions: 0 });
  await pass(30_000);
  await killed[Symbol.asyncDispose]();
});

test("work that never finishes to begin is ended all the same when the lease is lost", async () => {
  const { candidate, story, pass, cutOff } = setUp();
  const never = Promise.withResolvers<void>();
  const starting = candidate("a", async (_term, work) => {
    work.defer(() => never.reject(new Error("closed")));
    await never.promise;
  });
  await pass(3000);
  cutOff("a");
  await pass(20_000);
  expect(story).toEqual(["a begins", "a ends"]);
  await (await starting)[Symbol.asyncDispose]();
});

test("a leader that slept through its lease goes on when it wakes if nobody has taken it", async () => {
  const { candidate, clock, pass, story } = setUp();
  await using a = await candidate("a");
  await pass(1000);
  clock.advance(60_000);
  expect(a.term().held()).toBe(false);
  await pass(1);
  expect(a.term().held()).toBe(true);
  expect(story).toEqual(["a begins"]);
});

test("a leader that fell asleep before the answer to its renewal came goes on when it wakes", async () => {
  const { candidate, clock, pass, story, slowDown } = setUp();
  await using a = await candidate("a");
  await pass(1000);
  const awake = Promise.withResolvers<void>();
  slowDown(awake.promise);
  await pass(usualElectionTimes.retryPeriod);
  clock.advance(60_000);
  slowDown(undefined);
  awake.resolve();
  await pass(1);
  expect(a.term().held()).toBe(true);
  expect(story).toEqual(["a begins"]);
});

test("a leader that slept while another led and gave the lease back begins anew", async () => {
  const { candidate, clock, pass, story, lease, write } = setUp();
  await using _a = await candidate("a");
  await pass(1000);
  write({ ...lease().spec, holderIdentity: "", leaseTransitions: 1 });
  clock.advance(60_000);
  await pass(10_000);
  expect(story).toEqual(["a begins", "a ends", "a begins"]);
});

test("a leader that slept through its lease sends nothing more, even before it notices", async () => {
  const { candidate, clock, pass } = setUp();
  await using a = await candidate("a");
  const sent: string[] = [];
  const transport = {
    send: async ({ path }: { path: string }) => {
      sent.push(path);
    },
  } as unknown as Transport;
  const fenced = whileHeld(transport, a.term());
  await fenced.send({ method: "GET", path: "/early" });
  await pass(1000);
  clock.advance(usualElectionTimes.renewDeadline);
  await expect(fenced.send({ method: "GET", path: "/late" })).rejects.toThrow("the lease is not held any more");
  expect(sent).toEqual(["/early"]);
});
