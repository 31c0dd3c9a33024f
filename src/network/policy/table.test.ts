import { describe, expect, test } from "vitest";
import { type Block, blockOf, blocksAround, cutBlocks } from "./blocks.ts";
import { entryKey, type PolicyChange } from "./entries.ts";
import { directionsOf, isolatedByAnnotation, type PolicyPodInput } from "./policy-input.ts";
import { joinSpans } from "./ports.ts";
import { PolicyTable } from "./table.ts";

const blocks = (...list: readonly { cidr: string; except?: string[] }[]) =>
  list.map(blockOf).filter((block): block is Block => block !== undefined);
const cut = (...list: readonly { cidr: string; except?: string[] }[]) =>
  cutBlocks(blocks(...list), "IPv4").map(({ range, blocks: ids }) => `${range} ${ids.length}`);

describe("blocks of addresses", () => {
  test.each([
    ["one block is itself", [{ cidr: "10.0.0.0/8" }], ["10.0.0.0/8 1"]],
    ["host bits do not count", [{ cidr: "10.1.2.3/8" }], ["10.0.0.0/8 1"]],
    ["one address is written as such", [{ cidr: "10.0.0.1/32" }], ["10.0.0.1 1"]],
    [
      "an exception leaves two pieces",
      [{ cidr: "10.0.0.0/24", except: ["10.0.0.64/26"] }],
      ["10.0.0.0/26 1", "10.0.0.128/25 1"],
    ],
    [
      "a piece that is no CIDR is written with both ends",
      [{ cidr: "10.0.0.0/24", except: ["10.0.0.1/32"] }],
      ["10.0.0.0 1", "10.0.0.2-10.0.0.255 1"],
    ],
    [
      "a block in another one is a piece of its own",
      [{ cidr: "10.0.0.0/8" }, { cidr: "10.0.0.0/16" }],
      ["10.0.0.0/16 2", "10.1.0.0-10.255.255.255 1"],
    ],
    [
      "what one excepts, another may hold",
      [{ cidr: "0.0.0.0/0", except: ["10.0.0.0/8"] }, { cidr: "10.0.0.0/8" }],
      ["0.0.0.0-9.255.255.255 1", "10.0.0.0/8 1", "11.0.0.0-255.255.255.255 1"],
    ],
    ["all addresses of the family", [{ cidr: "0.0.0.0/0" }], ["0.0.0.0/0 1"]],
  ])("%s", (_, list, pieces) => {
    expect(cut(...list)).toEqual(pieces);
  });

  test("an address is asked for without cutting", () => {
    const known = blocks({ cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] }, { cidr: "10.1.0.0/16" });
    expect(blocksAround("10.1.2.3", known)).toEqual(["block 10.1.0.0/16"]);
    expect(blocksAround("11.0.0.1", known)).toEqual([]);
  });

  test("a range that cannot be read means nobody", () => {
    expect(blockOf({ cidr: "not/a/range" })).toBeUndefined();
  });
});

test("spans of ports that overlap or touch become one, per protocol", () => {
  const tcp = (from: number, to: number) => ({ protocol: "tcp", from, to }) as const;
  const udp = { protocol: "udp", from: 80, to: 90 } as const;
  expect(joinSpans([tcp(100, 200), udp, tcp(80, 80), tcp(81, 90), tcp(150, 250)])).toEqual([
    tcp(80, 90),
    tcp(100, 250),
    udp,
  ]);
});

test.each([
  [{}, ["ingress"]],
  [{ egress: [{}] }, ["ingress", "egress"]],
  [{ egress: [] }, ["ingress"]],
  [{ policyTypes: ["Egress" as const] }, ["egress"]],
])("a policy %j closes %j", (spec, closed) => {
  expect(directionsOf(spec)).toEqual(closed);
});

test.each([
  ['{"ingress":{"isolation":"DefaultDeny"}}', true],
  ['{"ingress":{"isolation":"Other"}}', false],
  ["null", false],
  ["not json", false],
])("the annotation %s isolates: %s", (text, isolates) => {
  const annotations = { "net.beta.kubernetes.io/network-policy": text };
  expect(isolatedByAnnotation({ metadata: { name: "ns", annotations } })).toBe(isolates);
});

describe("the table of policies", () => {
  const pod = (name: string, ip: string | undefined, labels: Record<string, string>, nodeName = "here") => ({
    metadata: { namespace: "ns", name, labels },
    spec: { nodeName, containers: [{ ports: [{ name: "web", containerPort: name.length }] }] },
    status: { phase: "Running", ...(ip ? { podIPs: [{ ip }] } : {}) },
  });
  const told = ({ add, remove }: PolicyChange) => [
    ...add.map((entry) => `+ ${entryKey(entry)}`).sort(),
    ...remove.map((entry) => `- ${entryKey(entry)}`).sort(),
  ];
  const start = (...pods: readonly PolicyPodInput[]) => {
    const table = new PolicyTable({ nodeName: "here", family: "IPv4" });
    table.setNamespace({ metadata: { name: "ns", labels: {} } });
    for (const each of pods) table.setPod(each);
    return table;
  };
  const policy = (spec: Parameters<PolicyTable["setPolicy"]>[0]["spec"], name = "policy") => ({
    metadata: { namespace: "ns", name },
    spec,
  });
  const servers = { matchLabels: { app: "server" } };
  const fromClients = [{ from: [{ podSelector: { matchLabels: { app: "client" } } }], ports: [{ port: 80 }] }];

  test("says of a policy only what concerns this node's pods", () => {
    const table = start(pod("a", "10.0.0.1", { app: "server" }, "there"));
    table.setPolicy(policy({ podSelector: servers, ingress: fromClients }));
    expect(told(table.drain())).toEqual([]);
  });

  test("a new peer is one entry, however many pods it may reach", () => {
    const own = Array.from({ length: 20 }, (_, i) => pod(`server-${i}`, `10.0.0.${i + 1}`, { app: "server" }));
    const table = start(...own, pod("client-1", "10.0.1.1", { app: "client" }, "there"));
    table.setPolicy(policy({ podSelector: servers, ingress: fromClients }));
    table.drain();
    table.setPod(pod("client-2", "10.0.1.2", { app: "client", version: "2" }, "there"));
    expect(told(table.drain())).toEqual(["+ 10.0.1.2 = 2"]);
    table.deletePod(pod("client-1", "10.0.1.1", { app: "client" }, "there"));
    expect(told(table.drain())).toEqual(["- 10.0.1.1 = 2"]);
  });

  test("tells nothing when an object changed in ways that do not matter", () => {
    const table = start(pod("server", "10.0.0.1", { app: "server" }));
    table.setPolicy(policy({ podSelector: servers }));
    table.drain();
    table.setPod({
      ...pod("server", "10.0.0.1", { app: "server" }),
      metadata: { namespace: "ns", name: "server", labels: { app: "server" }, annotations: { a: "b" } },
    });
    expect(table.dirty).toBe(false);
    table.setPolicy(policy({ podSelector: servers, policyTypes: ["Ingress"] }));
    expect(told(table.drain())).toEqual([]);
  });

  test("forgets a pod that has finished, whose address another one may get", () => {
    const table = start(pod("server", "10.0.0.1", { app: "server" }), pod("c", "10.0.1.1", { app: "client" }, "there"));
    table.setPolicy(policy({ podSelector: servers, ingress: fromClients }));
    table.drain();
    const finished = pod("c", "10.0.1.1", { app: "client" }, "there");
    table.setPod({ ...finished, status: { ...finished.status, phase: "Succeeded" } });
    expect(told(table.drain())).toEqual(["- 10.0.1.1 = 2", "- ingress 10.0.0.1 2 tcp/80"]);
  });

  test("a pod of the host's network is nobody's peer and not isolated", () => {
    const host = pod("host", "10.0.0.9", { app: "server" });
    const table = start({ ...host, spec: { ...host.spec, hostNetwork: true } });
    table.setPolicy(policy({ podSelector: servers, ingress: fromClients }));
    expect(told(table.drain())).toEqual([]);
  });

  test("an egress port that is a name is each called pod's own number", () => {
    const table = start(
      pod("me", "10.0.0.1", { app: "client" }),
      pod("long-name", "10.0.1.1", { app: "server" }, "there"),
      pod("longer-name", "10.0.1.2", { app: "server" }, "there"),
    );
    const egress = [{ to: [{ podSelector: servers }], ports: [{ port: "web" }] }];
    table.setPolicy(policy({ podSelector: { matchLabels: { app: "client" } }, policyTypes: ["Egress"], egress }));
    expect(told(table.drain())).toEqual([
      "+ 10.0.0.1 known",
      "+ 10.0.1.1 = 2",
      "+ 10.0.1.2 = 3",
      "+ egress 10.0.0.1 2 tcp/9",
      "+ egress 10.0.0.1 3 tcp/11",
      "+ egress 10.0.0.1 isolated",
    ]);
  });

  test("a pod without an address that will be isolated closes what is not known, until it has one", () => {
    const table = start(pod("server", undefined, { app: "server" }));
    table.setPolicy(policy({ podSelector: servers }));
    expect(told(table.drain())).toEqual(["+ ingress waiting"]);
    table.setPod(pod("server", "10.0.0.1", { app: "server" }));
    expect(told(table.drain())).toEqual(["+ 10.0.0.1 known", "+ ingress 10.0.0.1 isolated", "- ingress waiting"]);
    table.setPod(pod("server", "fd00::1", { app: "server" }));
    expect(told(table.drain())).toEqual(["- 10.0.0.1 known", "- ingress 10.0.0.1 isolated"]);
  });
});
