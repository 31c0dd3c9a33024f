import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock.ts";
import { mustRun } from "../../machine/command.ts";
import {
  type FakeNode,
  fakeNodeAddress,
  fakeOutsideAddress,
  fakePodAddress,
  fakeSixth,
  openFakeNode,
} from "../../testing/fake-node.ts";
import { proxyBackendContract } from "../backend.contract.ts";
import { type Front, noChange } from "../front.ts";
import { openNftProxy } from "./backend.ts";

const ranges = { family: "IPv4", podRanges: ["10.244.0.0/16"], serviceRanges: ["10.96.0.0/16"] } as const;
const sixthRanges = { family: "IPv6", podRanges: ["fd00:244::/48"], serviceRanges: ["fd00:96::/108"] } as const;

const places = {
  IPv4: { ranges, local: "10.244.0.0/24", node: fakeNodeAddress, outside: fakeOutsideAddress, pod: fakePodAddress },
  IPv6: { ranges: sixthRanges, local: "fd00:244::/64", ...fakeSixth },
} as const;

for (const family of ["IPv4", "IPv6"] as const) {
  proxyBackendContract(`nftables, ${family}`, async () => {
    const place = places[family];
    const fake = await openFakeNode(3, { ipv6: family === "IPv6" });
    const backend = openNftProxy({
      ...place.ranges,
      table: "navarch-test",
      localPodRanges: [place.local],
      run: fake.node.run,
    });
    if (family === "IPv6") await prepareSixth(fake);
    return {
      ...{ backend, family, nodeAddress: place.node, outsideAddress: place.outside },
      pods: fake.pods.map((_, index) => ({ name: `pod${index + 1}`, target: { ip: place.pod(index), port: 8080 } })),
      ask: async (from, { host, port, protocol = "tcp", sourcePort }) => {
        const asker = from === "node" ? fake.node : from === "outside" ? fake.outside : fake.pods[from]!;
        const reply = await asker.ask({ op: "ask", protocol, host, port, sourcePort });
        if (reply.error === "ECONNREFUSED") return "refused";
        if (reply.error === "timeout") return "silence";
        const [pod = reply.error ?? "", sees = ""] = (reply.answer ?? "").split(" ");
        return { pod, sees: sees.replace("::ffff:", "") };
      },
      pass: (milliseconds) => systemClock.sleep(milliseconds),
      [Symbol.asyncDispose]: async () => {
        await backend[Symbol.asyncDispose]();
        await fake[Symbol.asyncDispose]();
      },
    };
  });
}

/** Ways to the services, the pods' answers at their other addresses, and time for the addresses to settle. */
async function prepareSixth(fake: FakeNode): Promise<void> {
  await mustRun(fake.outside.run, ["ip", "-6", "route", "add", "fd00:96::/108", "via", fakeSixth.node]);
  await mustRun(fake.outside.run, ["ip", "-6", "route", "add", "fd00:244::/64", "via", fakeSixth.node]);
  await mustRun(fake.node.run, ["ip", "-6", "route", "add", "default", "via", fakeSixth.outside]);
  for (const [index, pod] of fake.pods.entries()) {
    const host = fakeSixth.pod(index);
    for (const protocol of ["tcp", "udp"] as const) {
      await pod.ask({ op: "serve", protocol, port: 8080, host, name: `pod${index + 1}` });
    }
    for (let tries = 0; tries < 20; tries++) {
      const reply = await fake.outside.ask({ op: "ask", protocol: "tcp", host, port: 8080 });
      if (reply.answer) break;
    }
  }
}

describe("nftables: under traffic and at scale", () => {
  let fake: FakeNode;
  beforeAll(async () => {
    fake = await openFakeNode(4);
  }, 60_000);
  afterAll(async () => {
    await fake?.[Symbol.asyncDispose]();
  });
  const open = () => openNftProxy({ ...ranges, table: "navarch-test", run: fake.node.run });
  const front = (host: string, ...pods: number[]): Front => ({
    door: { kind: "address", address: host, protocol: "tcp", port: 80 },
    service: "test/service",
    masquerade: "outsidePods",
    targets: pods.map((index) => ({ ip: fakePodAddress(index), port: 8080 })),
  });

  test("fails no request while endpoints come and go", async () => {
    await using backend = open();
    await backend.apply({ ...noChange, put: [front("10.96.1.1", 0, 1, 2)] });
    await fake.pods[3]!.ask({ op: "hammer", host: "10.96.1.1", port: 80 });
    const sets = [[0], [1, 2], [0, 1, 2], [2], [0, 2], [1]];
    for (let round = 0; round < 60; round++) {
      await backend.apply({ ...noChange, put: [front("10.96.1.1", ...sets[round % sets.length]!)] });
    }
    const { requests, failures } = await fake.pods[3]!.ask({ op: "stopHammer" });
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(60);
  });

  test("fails no request while the kernel is compared and mended", async () => {
    await using backend = open();
    await backend.apply({ ...noChange, put: [front("10.96.1.9", 0, 1), front("10.96.1.10", 2)] });
    await fake.pods[3]!.ask({ op: "hammer", host: "10.96.1.9", port: 80 });
    for (let round = 0; round < 20; round++) {
      const element = round % 2 === 0 ? "10.96.1.10 . 6 . 80" : `10.96.2.${round} . 6 . 80 : drop`;
      const verb = round % 2 === 0 ? "delete" : "add";
      await fake.node.run(["nft", `${verb} element ip navarch-test services { ${element} }`]);
      expect(await backend.resync()).toEqual({ repaired: 1 });
    }
    const { requests, failures } = await fake.pods[3]!.ask({ op: "stopHammer" });
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(60);
  });

  test("leaves an established connection alone when its endpoint, and even its service, is removed", async () => {
    await using backend = open();
    await backend.apply({ ...noChange, put: [front("10.96.1.2", 0)] });
    const { held, answer } = await fake.pods[3]!.ask({ op: "hold", host: "10.96.1.2", port: 80 });
    await backend.apply({ ...noChange, put: [front("10.96.1.2", 1)] });
    expect(await fake.pods[3]!.ask({ op: "useHeld", held: held! })).toEqual({ answer });
    await backend.apply({ ...noChange, remove: ["10.96.1.2/tcp/80"] });
    expect(await fake.pods[3]!.ask({ op: "useHeld", held: held! })).toEqual({ answer });
  });

  test("repairs what somebody else deleted, changed or added, and rebuilds a table that is gone", async () => {
    await using backend = open();
    await backend.apply({ ...noChange, put: [front("10.96.1.3", 0, 1), front("10.96.1.4", 2)] });
    const nft = (...words: string[]) => fake.node.run(["nft", ...words]);
    await nft("delete element ip navarch-test services { 10.96.1.3 . 6 . 80 }");
    await nft("add element ip navarch-test targets { 10.96.1.9 . 6 . 80 . 0:1 : 10.244.0.99 . 1 }");
    await nft("flush chain ip navarch-test to-o-1");
    expect((await backend.resync()).repaired).toBe(3);
    const answered = async (host: string) =>
      (await fake.pods[3]!.ask({ op: "ask", protocol: "tcp", host, port: 80 })).answer;
    expect(await answered("10.96.1.3")).toBeDefined();
    expect(await answered("10.96.1.4")).toBeDefined();
    await nft("flush ruleset");
    await backend.resync();
    expect(await answered("10.96.1.4")).toBeDefined();
  });

  test("takes over the table that an earlier process left, without emptying it", async () => {
    const first = open();
    await first.apply({ ...noChange, put: [front("10.96.1.5", 0), front("10.96.1.6", 1)] });
    await using second = open();
    await second.apply({ ...noChange, put: [front("10.96.1.5", 0)] });
    expect(await second.resync()).toEqual({ repaired: 0 });
    expect((await fake.pods[3]!.ask({ op: "ask", protocol: "tcp", host: "10.96.1.6", port: 80 })).error).toBe(
      "ECONNREFUSED",
    );
    expect((await fake.pods[3]!.ask({ op: "ask", protocol: "tcp", host: "10.96.1.5", port: 80 })).answer).toBeDefined();
  });

  test("holds 5,000 services of 3 endpoints and still answers", async () => {
    await using backend = open();
    const fronts = Array.from({ length: 5000 }, (_, i) => front(`10.96.${100 + (i >> 8)}.${i & 255}`, 0, 1, 2));
    await backend.apply({ ...noChange, put: fronts });
    await backend.apply({ ...noChange, put: [front("10.96.100.7", 1)] });
    const reply = await fake.pods[3]!.ask({ op: "ask", protocol: "tcp", host: "10.96.119.135", port: 80 });
    expect(reply.answer).toBeDefined();
    expect(await backend.resync()).toEqual({ repaired: 0 });
  });

  test("speaks IPv6 in a table of its own: the kernel takes it and prints it back the same", async () => {
    const podRanges = ["fd00:244::/48"];
    const serviceRanges = ["fd00:96::/108"];
    await using backend = openNftProxy({
      family: "IPv6",
      podRanges,
      serviceRanges,
      table: "navarch-test",
      run: fake.node.run,
    });
    const targets = [1, 2].map((n) => ({ ip: `fd00:244::${n}`, port: 8080 }));
    const common = { service: "test/service", targets, affinitySeconds: 60 } as const;
    await backend.apply({
      ...noChange,
      put: [
        {
          ...common,
          door: { kind: "address", address: "fd00:96::1", protocol: "udp", port: 53 },
          masquerade: "outsidePods",
        },
        {
          ...common,
          door: { kind: "nodePort", protocol: "tcp", port: 30000 },
          masquerade: "everybody",
          localOnly: targets.slice(1),
        },
        {
          ...{
            ...common,
            door: { kind: "address", address: "fd00:96::2", protocol: "tcp", port: 80 },
            masquerade: "everybody",
          },
          sourceRanges: ["fd00:5::/32", "fd00:6::1/128"],
        },
      ],
      putHostPorts: [{ protocol: "tcp", port: 8080, target: targets[0]! }],
    });
    expect(await backend.resync()).toEqual({ repaired: 0 });
    expect((await fake.node.run(["nft", "list", "tables"])).stdout).toContain("table ip6 navarch-test");
  });

  test("fails no UDP question while endpoints come and go", async () => {
    await using backend = open();
    const udp = (...pods: number[]): Front => ({
      ...front("10.96.1.8", ...pods),
      door: { kind: "address", address: "10.96.1.8", protocol: "udp", port: 80 },
    });
    const sets = [[0], [1, 2], [0, 1, 2], [2], [1]];
    for (let round = 0; round < 15; round++) {
      await backend.apply({ ...noChange, put: [udp(...sets[round % sets.length]!)] });
      const reply = await fake.pods[3]!.ask({
        op: "ask",
        protocol: "udp",
        host: "10.96.1.8",
        port: 80,
        sourcePort: 40_010,
      });
      expect(reply.error).toBeUndefined();
    }
  });

  test("leaves nothing behind", async () => {
    const backend = open();
    await backend.apply({ ...noChange, put: [front("10.96.1.7", 0)] });
    await backend[Symbol.asyncDispose]();
    expect((await fake.node.run(["nft", "list", "tables"])).stdout).toBe("");
  });
});
