import { describe, expect, test } from "vitest";
import { skeletonScript, versionMark } from "../../nft/kernel-table.ts";
import { mend, parseListing, type WantedTable } from "../../nft/listing.ts";
import { Transaction } from "../../nft/transaction.ts";
import type { Front, Target } from "../front.ts";
import { affinityLeftovers, renumbered } from "./affinity.ts";
import { assignSlots, noSlots, ownTargets, renderFront } from "./elements.ts";
import { parseFlows, staleFlows, touchedDoors } from "./flows.ts";
import { proxyTable } from "./skeleton.ts";

const options = {
  table: "t",
  family: "IPv4",
  podRanges: ["10.244.0.0/16"],
  serviceRanges: ["10.96.0.0/16"],
  masqueradeMark: 0x4000,
} as const;
const target = (n: number): Target => ({ ip: `10.244.0.${n}`, port: 8080 });
const front = (targets: readonly Target[], extra: Partial<Front> = {}): Front => ({
  door: { kind: "address", address: "10.96.0.1", protocol: "tcp", port: 80 },
  service: "ns/svc",
  masquerade: "outsidePods",
  targets,
  ...extra,
});
const texts = (elements: readonly { readonly map: string; readonly key: string; readonly value?: string }[]) =>
  elements.map(({ map, key, value }) => `${map}: ${key}${value ? ` = ${value}` : ""}`);

describe("slots", () => {
  test.each([
    { sentence: "stay where they are when a target is added", before: [1, 2], wanted: [1, 2, 3], after: [1, 2, 3] },
    { sentence: "let the last one fill the gap of one removed", before: [1, 2, 3], wanted: [2, 3], after: [3, 2] },
    { sentence: "replace one target in its place", before: [1, 2, 3], wanted: [1, 3, 4], after: [1, 4, 3] },
    { sentence: "start in order", before: [], wanted: [1, 2], after: [1, 2] },
  ])("$sentence", ({ before, wanted, after }) => {
    expect(assignSlots(before.map(target), wanted.map(target))).toEqual(after.map(target));
  });
});

describe("the elements of a front", () => {
  test("are its verdict, by the number of targets, and a target per slot", () => {
    const { elements, chains } = renderFront(front([target(1), target(2)]), noSlots, options);
    expect(texts(elements)).toEqual([
      "services: 10.96.0.1 . 6 . 80 = goto to-o-2",
      "targets: 10.96.0.1 . 6 . 80 . 0:1 = 10.244.0.1 . 8080",
      "targets: 10.96.0.1 . 6 . 80 . 0:2 = 10.244.0.2 . 8080",
    ]);
    expect([...chains.keys()]).toEqual(["to-o-2"]);
  });

  test("are a refusal without targets, and a drop when a policy leaves none", () => {
    expect(texts(renderFront(front([]), noSlots, options).elements)).toEqual(["refused: 10.96.0.1 . 6 . 80"]);
    expect(texts(renderFront(front([], { drop: true }), noSlots, options).elements)).toEqual([
      "services: 10.96.0.1 . 6 . 80 = drop",
    ]);
  });

  test("write one address of a source range as nft prints it, and leave out what another range covers", () => {
    const ranges = ["192.0.2.1/32", "198.51.100.0/24", "198.51.100.7/32", "fd00::/8"];
    const { elements } = renderFront(front([target(1)], { sourceRanges: ranges }), noSlots, options);
    expect(texts(elements).filter((text) => text.startsWith("guests"))).toEqual([
      "guests: 10.96.0.1 . 6 . 80 . 192.0.2.1",
      "guests: 10.96.0.1 . 6 . 80 . 198.51.100.0/24",
    ]);
  });

  test("of a node port with affinity and the Local policy name every chain they lead to", () => {
    const door = { kind: "nodePort", protocol: "udp", port: 30000 } as const;
    const { elements, chains } = renderFront(
      front([target(1), target(2)], { door, localOnly: [target(1)], affinitySeconds: 60 }),
      noSlots,
      options,
    );
    expect(texts(elements)[0]).toBe("node-ports: 17 . 30000 = goto afl-np-2-1");
    const reached = [...chains.values()].flat().flatMap((rule) => /goto (\S+)/.exec(rule)?.[1] ?? []);
    for (const name of [...reached, "remember-60"]) expect(chains.has(name)).toBe(true);
  });

  test("count only this node's pods among those that can call themselves", () => {
    expect(ownTargets([target(1), { ip: "10.244.9.1", port: 1 }], ["10.244.0.0/24"], "IPv4")).toEqual(["10.244.0.1"]);
  });
});

describe("a transaction", () => {
  test("makes chains before the elements that lead to them, and takes keys away before it puts them", () => {
    const transaction = new Transaction();
    transaction.replace(
      [
        { map: "m", key: "a", value: "1" },
        { map: "m", key: "b", value: "1" },
      ],
      [
        { map: "m", key: "a", value: "2" },
        { map: "m", key: "b", value: "1" },
      ],
    );
    transaction.define("c", ["drop"]);
    transaction.drop("old");
    expect(transaction.script("ip t").trim().split("\n")).toEqual([
      "add chain ip t c",
      "flush chain ip t c",
      "add rule ip t c drop",
      "delete element ip t m { a }",
      "add element ip t m { a : 2 }",
      "flush chain ip t old",
      "delete chain ip t old",
    ]);
  });
});

describe("mending a table", () => {
  const wanted: WantedTable = {
    version: "version-1",
    fixed: new Map([["base", 1]]),
    chains: new Map([["c", ["drop"]]]),
    elements: [
      { map: "m", key: "1.2.3.4 . 6 . 80", value: "goto c" },
      { map: "s", key: "6 . 80" },
    ],
    ignoredMaps: new Set(["kernel"]),
    maps: ["m", "s"],
  };
  const listing = (
    changes: { readonly rules?: readonly string[]; readonly m?: unknown; readonly version?: string } = {},
  ) =>
    parseListing(
      JSON.stringify({
        nftables: [
          { map: { name: "m", elem: changes.m ?? [[{ concat: ["1.2.3.4", 6, 80] }, { goto: { target: "c" } }]] } },
          { set: { name: "s", elem: [{ concat: [6, 80] }] } },
          {
            map: {
              name: "kernel",
              elem: [[{ elem: { val: { concat: ["1.2.3.4", 6] }, timeout: 1 } }, { concat: ["5.6.7.8", 1] }]],
            },
          },
          ...["base", "c", changes.version ?? "version-1"].map((name) => ({ chain: { name } })),
          ...(changes.rules ?? ["base", "c"]).map((chain) => ({ rule: { chain } })),
        ],
      }),
    );
  const lines = (result: Transaction | "rebuild") => (result === "rebuild" ? result : result.script("ip t").trim());

  test("does nothing to one that is as it should be", () => {
    const result = mend(listing(), wanted);
    expect(result).not.toBe("rebuild");
    expect(lines(result)).toBe("");
  });

  test.each([
    {
      sentence: "puts a missing element",
      changes: { m: [] },
      line: "add element ip t m { 1.2.3.4 . 6 . 80 : goto c }",
    },
    {
      sentence: "takes a strange element away",
      changes: { m: [[{ concat: ["9.9.9.9", 6, 1] }, { drop: null }]] },
      line: "delete element ip t m { 9.9.9.9 . 6 . 1 }",
    },
    {
      sentence: "replaces a changed one",
      changes: { m: [[{ concat: ["1.2.3.4", 6, 80] }, { drop: null }]] },
      line: "delete element ip t m { 1.2.3.4 . 6 . 80 }",
    },
    { sentence: "refills a chain", changes: { rules: ["base"] }, line: "add rule ip t c drop" },
    { sentence: "rebuilds when the fixed part differs", changes: { rules: ["c"] }, line: "rebuild" },
    { sentence: "rebuilds what another version made", changes: { version: "version-0" }, line: "rebuild" },
  ])("$sentence", ({ changes, line }) => {
    expect(lines(mend(listing(changes), wanted)).split("\n")).toContain(line);
  });
});

describe("what the kernel remembers", () => {
  const flow = (destination: string, port: number, answeredBy: string) =>
    `udp      17 29 src=10.244.0.9 dst=${destination} sport=4000 dport=${port} [UNREPLIED] src=${answeredBy} dst=10.244.0.9 sport=53 dport=4000 mark=0 use=1`;
  const udp = (
    targets: readonly Target[],
    door: Front["door"] = { kind: "address", address: "10.96.0.1", protocol: "udp", port: 53 },
  ) => front(targets, { door });

  test("about UDP is stale when its target is gone, or when it began before there was any", () => {
    const flows = parseFlows(
      [
        flow("10.96.0.1", 53, "10.244.0.1"),
        flow("10.96.0.1", 53, "10.244.0.2"),
        "tcp 6 1 src=1 dst=2",
        flow("10.96.0.2", 53, "10.244.0.1"),
      ].join("\n"),
    );
    const moved = touchedDoors([{ before: udp([target(1), target(2)]), after: udp([target(2)]) }], []);
    expect(staleFlows(flows, moved).map(({ destination, answeredBy }) => [destination, answeredBy])).toEqual([
      ["10.96.0.1", "10.244.0.1"],
    ]);
    const woken = touchedDoors([{ before: udp([]), after: udp([target(2)]) }], []);
    expect(staleFlows(parseFlows(flow("10.96.0.1", 53, "10.96.0.1")), woken)).toHaveLength(1);
  });

  test("about a node port's number elsewhere is left alone", () => {
    const door = { kind: "nodePort", protocol: "udp", port: 30053 } as const;
    const doors = touchedDoors([{ before: udp([target(1)], door), after: undefined }], []);
    const flows = parseFlows(
      [flow("192.0.2.9", 30053, "192.0.2.9"), flow("203.0.113.1", 30053, "10.244.0.1")].join("\n"),
    );
    expect(staleFlows(flows, doors).map(({ destination }) => destination)).toEqual(["203.0.113.1"]);
  });

  test("about TCP is not looked at", () => {
    expect(touchedDoors([{ before: front([target(1)]), after: undefined }], []).size).toBe(0);
  });

  test("about clients is left over when target or door is gone", () => {
    const sticky = front([target(1)], { affinitySeconds: 60 });
    const remembered = new Map([
      ["10.244.0.9 . 10.96.0.1 . 6 . 80", "10.244.0.1 . 8080"],
      ["10.244.0.8 . 10.96.0.1 . 6 . 80", "10.244.0.2 . 8080"],
      ["10.244.0.7 . 10.96.0.2 . 6 . 80", "10.244.0.1 . 8080"],
    ]);
    const leftovers = affinityLeftovers(remembered, (key) => (key === "10.96.0.1/tcp/80" ? sticky : undefined));
    expect(leftovers).toEqual(["10.244.0.8 . 10.96.0.1 . 6 . 80", "10.244.0.7 . 10.96.0.2 . 6 . 80"]);
  });
});

test("a remembered slot of IPv6 follows its target, and is forgotten with it", () => {
  const sixth = (n: number): Target => ({ ip: `fd00:1::${n}`, port: 8080 });
  const door = { kind: "address", address: "fd00:2::1", protocol: "tcp", port: 80 } as const;
  const sticky = front([sixth(1), sixth(2), sixth(3)], { door, affinitySeconds: 60 });
  const before = [sixth(1), sixth(2), sixth(3)];
  const changes = [{ front: sticky, before, after: assignSlots(before, [sixth(2), sixth(3)]) }];
  const remembered = [
    "fd00:1::9 . fd00:2::1 . 6 . 80 . 0:1",
    "fd00:1::8 . fd00:2::1 . 6 . 80 . 0:2",
    "fd00:1::7 . fd00:2::1 . 6 . 80 . 0:3",
    "fd00:1::7 . fd00:2::2 . 6 . 80 . 0:3",
  ];
  expect(renumbered(remembered, changes)).toEqual({
    forget: [remembered[0], remembered[2]],
    note: ["fd00:1::7 . fd00:2::1 . 6 . 80 . 0:1 timeout 60s"],
  });
});

describe("the fixed part", () => {
  test("names its version by all that it is made of", () => {
    expect(versionMark(proxyTable(options))).toBe(versionMark(proxyTable({ ...options })));
    expect(versionMark(proxyTable(options))).not.toBe(
      versionMark(proxyTable({ ...options, podRanges: ["10.245.0.0/16"] })),
    );
  });

  test("speaks of IPv6 in a table of that family", () => {
    const script = skeletonScript(
      proxyTable({
        ...options,
        family: "IPv6",
        podRanges: ["fd00:1::/48"],
        serviceRanges: ["fd00:2::/108"],
      }),
    ).join("\n");
    expect(script).toContain("add table ip6 t");
    expect(script).not.toMatch(/ipv4_addr|\bip (s|d)addr/);
  });
});
