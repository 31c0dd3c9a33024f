import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { IpFamily } from "../../machine/address.ts";
import { mustRun } from "../../machine/command.ts";
import { noChange } from "../../proxy/front.ts";
import { openNftProxy } from "../../proxy/nft/backend.ts";
import {
  type FakeNode,
  fakeNodeAddress,
  fakeOutsideAddress,
  fakePodAddress,
  fakeSixth,
  openFakeNode,
} from "../../testing/fake-node.ts";
import { policyBackendContract } from "../backend.contract.ts";
import { everyone, type PolicyEntry } from "../entries.ts";
import { openNftPolicies } from "./backend.ts";

interface Plan {
  readonly family: IpFamily;
  readonly localPodRanges: readonly string[];
  readonly addresses: readonly string[];
  readonly elsewhere: string;
  readonly node: string;
  readonly any: string;
  readonly service: (pod: number) => string;
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
}

const plans: readonly Plan[] = [
  {
    family: "IPv4",
    localPodRanges: ["10.244.0.0/24"],
    addresses: [0, 1, 2].map(fakePodAddress),
    elsewhere: fakeOutsideAddress,
    node: fakeNodeAddress,
    any: "0.0.0.0",
    service: (pod) => `10.96.3.${pod + 1}`,
    podRanges: ["10.244.0.0/16"],
    serviceRanges: ["10.96.0.0/16"],
  },
  {
    family: "IPv6",
    localPodRanges: ["fd00:244::/64"],
    addresses: [0, 1, 2].map(fakeSixth.pod),
    elsewhere: fakeSixth.outside,
    node: fakeSixth.node,
    any: "::",
    service: (pod) => `fd00:96::${pod + 1}`,
    podRanges: ["fd00:244::/48"],
    serviceRanges: ["fd00:96::/108"],
  },
];

for (const plan of plans) {
  policyBackendContract(`nftables, ${plan.family}`, async () => {
    const { family, addresses, elsewhere } = plan;
    const fake = await openFakeNode(3, { ipv6: true });
    const table = "navarch-test";
    // The other node's pod is the machine outside; it knows the way to this node's pods.
    const version = family === "IPv4" ? "-4" : "-6";
    await mustRun(fake.outside.run, ["ip", version, "route", "add", plan.localPodRanges[0]!, "via", plan.node]);
    for (const [index, place] of [...fake.pods, fake.outside].entries()) {
      for (const [protocol, port] of [
        ["tcp", 8080],
        ["tcp", 8081],
        ["tcp", 9090],
        ["udp", 8080],
      ] as const) {
        if (family === "IPv4" && port === 8080 && place !== fake.outside) continue;
        const host =
          family === "IPv6" && protocol === "tcp" && port === 8080 ? (addresses[index] ?? elsewhere) : plan.any;
        await place.ask({
          op: "serve",
          protocol,
          port,
          host: protocol === "udp" ? (addresses[index] ?? elsewhere) : host,
          name: "end",
        });
      }
    }
    const { podRanges, serviceRanges, localPodRanges } = plan;
    const proxy = openNftProxy({ table, family, podRanges, serviceRanges, localPodRanges, run: fake.node.run });
    const services = addresses.map((ip, index) => ({
      door: { kind: "address", address: plan.service(index), protocol: "tcp", port: 80 } as const,
      ...{ service: "test/service", masquerade: "outsidePods" as const, targets: [{ ip, port: 8080 }] },
    }));
    await proxy.apply({ ...noChange, put: services });
    const backend = openNftPolicies({ table: `${table}-policy`, family, localPodRanges, run: fake.node.run });
    const placeOf = (end: number | "node" | "elsewhere") =>
      end === "node" ? fake.node : end === "elsewhere" ? fake.outside : fake.pods[end]!;
    // Addresses of IPv6 settle for a while after their interface came up; each try waits for an answer.
    for (let tries = 0; tries < 20; tries++) {
      const reply = await fake.outside.ask({ op: "ask", protocol: "tcp", host: addresses[1]!, port: 8080 });
      if (reply.answer) break;
    }
    return {
      ...{ backend, family, addresses, elsewhere },
      reaches: async (from, to, { port = 8080, protocol = "tcp", byService } = {}) => {
        const address = to === "elsewhere" ? elsewhere : byService ? plan.service(to) : addresses[to]!;
        const reply = await placeOf(from).ask({ op: "ask", protocol, host: address, port: byService ? 80 : port });
        if (reply.error === undefined) return true;
        expect(reply.error).toBe("timeout");
        return false;
      },
      hold: async (from, to) => {
        const { held } = await placeOf(from).ask({ op: "hold", host: addresses[to]!, port: 8080 });
        return async () => (await placeOf(from).ask({ op: "useHeld", held: held! })).answer !== undefined;
      },
      [Symbol.asyncDispose]: async () => {
        await backend[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
        await fake[Symbol.asyncDispose]();
      },
    };
  });
}

describe("nftables: policies under traffic and at scale", () => {
  let fake: FakeNode;
  beforeAll(async () => {
    fake = await openFakeNode(2);
  }, 60_000);
  afterAll(async () => {
    await fake?.[Symbol.asyncDispose]();
  });
  const open = () =>
    openNftPolicies({
      ...{ table: "navarch-test-policy", family: "IPv4", localPodRanges: ["10.244.0.0/24"], run: fake.node.run },
    });
  const server = fakePodAddress(1);
  const isolated: readonly PolicyEntry[] = [
    { kind: "known", address: server },
    { kind: "isolated", direction: "ingress", address: server },
    { kind: "allowed", direction: "ingress", address: server, class: 7 },
  ];
  const client: PolicyEntry = { kind: "pod", address: fakePodAddress(0), class: 7 };
  const answered = async () =>
    (await fake.pods[0]!.ask({ op: "ask", protocol: "tcp", host: server, port: 8080 })).answer !== undefined;

  test("fails no allowed request while other entries come and go", async () => {
    await using backend = open();
    await backend.apply({ add: [...isolated, client], remove: [] });
    await fake.pods[0]!.ask({ op: "hammer", host: server, port: 8080 });
    const others = (round: number): PolicyEntry[] => [
      { kind: "pod", address: `10.244.9.${round % 200}`, class: 7 },
      { kind: "block", range: `192.0.2.${round % 200}`, class: 9 },
      {
        ...{ kind: "allowed", direction: "ingress", address: server, class: everyone },
        ports: [{ protocol: "tcp", from: 1000 + round, to: 1005 + round }],
      },
    ];
    for (let round = 0; round < 60; round++) {
      await backend.apply({ add: others(round), remove: round === 0 ? [] : others(round - 1) });
    }
    const { requests, failures } = await fake.pods[0]!.ask({ op: "stopHammer" });
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(60);
  });

  test("repairs what somebody else deleted or added, and rebuilds a table that is gone", async () => {
    await using backend = open();
    await backend.apply({ add: [...isolated, client], remove: [] });
    const nft = (...words: string[]) => mustRun(fake.node.run, ["nft", ...words]);
    await nft(`delete element ip navarch-test-policy pods { ${fakePodAddress(0)} }`);
    await nft("add element ip navarch-test-policy ingress-isolated { 10.244.0.99 }");
    expect(await answered()).toBe(false);
    expect(await backend.resync()).toEqual({ repaired: 2 });
    expect(await answered()).toBe(true);
    await nft("flush ruleset");
    await backend.resync();
    expect(await answered()).toBe(true);
    await backend.apply({ add: [], remove: [client] });
    expect(await answered()).toBe(false);
  });

  test("takes over the table that an earlier process left, without opening it", async () => {
    await open().apply({ add: isolated, remove: [] });
    await using second = open();
    expect(await answered()).toBe(false);
    await second.apply({ add: isolated, remove: [] });
    expect(await second.resync()).toEqual({ repaired: 0 });
    expect(await answered()).toBe(false);
  });

  test("holds 100 isolated pods, 20,000 peers of 200 classes and 500 blocks, and one more costs one element", async () => {
    await using backend = open();
    const own = Array.from({ length: 100 }, (_, i) => `10.244.0.${i + 20}`);
    const entries: PolicyEntry[] = [...isolated, client];
    for (const address of own) {
      entries.push({ kind: "known", address }, { kind: "isolated", direction: "ingress", address });
      for (let number = 10; number < 30; number++) {
        const ports = [{ protocol: "tcp", from: 80, to: 80 + (number % 5) }] as const;
        entries.push({ kind: "allowed", direction: "ingress", address, class: number, ports });
      }
    }
    for (let i = 0; i < 20_000; i++) {
      entries.push({ kind: "pod", address: `10.245.${i >> 8}.${i & 255}`, class: 10 + (i % 200) });
    }
    for (let i = 0; i < 500; i++)
      entries.push({ kind: "block", range: `172.16.${i >> 4}.${(i & 15) * 16}/28`, class: 300 });
    await backend.apply({ add: entries, remove: [] });
    await backend.apply({ add: [{ kind: "pod", address: "10.246.0.1", class: 12 }], remove: [] });
    expect(await answered()).toBe(true);
    expect(await backend.resync()).toEqual({ repaired: 0 });
  });

  test("leaves nothing behind", async () => {
    const backend = open();
    await backend.apply({ add: isolated, remove: [] });
    await backend[Symbol.asyncDispose]();
    expect((await fake.node.run(["nft", "list", "tables"])).stdout).toBe("");
    expect(await answered()).toBe(true);
  });
});
