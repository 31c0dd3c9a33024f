import { describe, expect, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { Service } from "../../api/core/service.ts";
import { EndpointSlice } from "../../api/discovery/endpoint-slice.ts";
import type { Endpoint } from "../../api/generated/discovery-v1.ts";
import type { FakeCluster } from "../framework/testing/fake-cluster.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { endpointSliceController } from "./endpoint-slices.ts";
import { planTopology, zoneShares } from "./topology-hints.ts";

const nodeOf = (
  name: string,
  zone: string | undefined,
  more: { cpu?: string; ready?: boolean; labels?: object } = {},
) =>
  ({
    metadata: { name, labels: { ...(zone ? { "topology.kubernetes.io/zone": zone } : {}), ...more.labels } },
    spec: {},
    status: {
      allocatable: { cpu: more.cpu ?? "2" },
      conditions: [{ type: "Ready", status: more.ready === false ? "False" : "True" }],
    },
  }) as unknown as Node;

describe("each zone's share", () => {
  test("is its part of the CPUs of nodes that are ready and no control planes", () => {
    const shares = zoneShares([
      nodeOf("a1", "a", { cpu: "3" }),
      nodeOf("b1", "b", { cpu: "500m" }),
      nodeOf("b2", "b", { cpu: "500m" }),
      nodeOf("c1", "c", { ready: false }),
      nodeOf("c2", "c", { labels: { "node-role.kubernetes.io/control-plane": "" } }),
    ]);
    expect(shares).toEqual(
      new Map([
        ["a", 0.75],
        ["b", 0.25],
      ]),
    );
  });

  test.each([
    ["a node has no zone", [nodeOf("a", "a"), nodeOf("b", "b"), nodeOf("c", undefined)]],
    ["a node has no CPUs", [nodeOf("a", "a"), nodeOf("b", "b", { cpu: "0" })]],
    ["there is one zone", [nodeOf("a", "a"), nodeOf("b", "a")]],
  ])("is not known when %s", (_, nodes) => {
    expect(zoneShares(nodes).size).toBe(0);
  });
});

describe("endpoints are shared out", () => {
  const endpoints = (zones: string) => [...zones].map((zone) => ({ addresses: ["x"], zone }) as Endpoint);
  const shares = (text: Record<string, number>) => new Map(Object.entries(text));
  const plan = (zones: string, share: Record<string, number>, hinted: string = "") =>
    planTopology(endpoints(zones), [...hinted], shares(share));

  test.each([
    ["each to its own zone, where that is right", "aabb", { a: 0.5, b: 0.5 }, "", "aabb"],
    ["one of the fuller zone to the emptier one", "aaab", { a: 0.5, b: 0.5 }, "", "baab"],
    ["not for less than half an endpoint", "aab", { a: 0.65, b: 0.35 }, "", "aab"],
    ["to a zone that has none of its own", "aaaa", { a: 0.5, b: 0.5 }, "", "bbaa"],
    ["as they were before, as long as that is right", "aaab", { a: 0.5, b: 0.5 }, "abab", "abab"],
    ["home again, when the zone needs them", "aaaabb", { a: 0.5, b: 0.5 }, "bbaabb", "abaabb"],
  ] as const)("%s", (_, zones, share, hinted, meant) => {
    const given = plan(zones, share, hinted);
    expect("zones" in given ? given.zones.join("") : given.trouble).toBe(meant);
  });

  test.each([
    ["fewer than zones", "a", { a: 0.5, b: 0.5 }, "Insufficient number of endpoints (1 endpoints, 2 zones)"],
    [
      "too few to share without overload",
      "aabbc",
      { a: 0.4, b: 0.4, c: 0.1, d: 0.1 },
      "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (5 endpoints, 4 zones)",
    ],
    ["in no zone", " b", { a: 0.5, b: 0.5 }, "One or more endpoints do not have a zone specified"],
    [
      "of unknown nodes",
      "ab",
      {},
      "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes",
    ],
  ])("not when they are %s", (_, zones, share, trouble) => {
    const given = planTopology(
      endpoints(zones).map((endpoint) => ({ ...endpoint, zone: endpoint.zone?.trim() ?? "" })),
      [],
      shares(share as Record<string, number>),
    );
    expect(given).toEqual({ trouble });
  });
});

describe("a Service of topology mode Auto", () => {
  const put = (cluster: FakeCluster, annotations: Record<string, string> = {}, ipFamilies = ["IPv4", "IPv6"]) => {
    for (const [zone, node] of [
      ["a", "n1"],
      ["b", "n2"],
    ] as const)
      cluster.put(Node, nodeOf(node, zone));
    cluster.put(Service, {
      metadata: { name: "web", namespace: "default", annotations },
      spec: { selector: { app: "web" }, ports: [{ port: 80, protocol: "TCP" }], ipFamilies },
    } as unknown as Service);
  };
  const pod = (cluster: FakeCluster, number: number, node: string) =>
    cluster.put(Pod, {
      metadata: { name: `p${number}`, namespace: "default", labels: { app: "web" } },
      spec: { nodeName: node, containers: [{ name: "c" }] },
      status: {
        phase: "Running",
        podIPs: [{ ip: `10.244.0.${number}` }, { ip: `fd00::${number}` }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    } as unknown as Pod);
  const hints = ({ cluster }: Harness) =>
    cluster
      .all(EndpointSlice)
      .flatMap(({ addressType, endpoints = [] }) =>
        endpoints.map(
          ({ addresses: [address], hints }) => `${addressType} ${address} ${hints?.forZones?.[0]?.name ?? "-"}`,
        ),
      )
      .sort();
  const auto = { "service.kubernetes.io/topology-mode": "Auto" };

  test("has hints of each family, and an event says so once", async () => {
    await using harness = await run([endpointSliceController], {
      given: (cluster) => {
        put(cluster, auto);
        pod(cluster, 1, "n1");
        pod(cluster, 2, "n2");
      },
    });
    expect(hints(harness)).toEqual(["IPv4 10.244.0.1 a", "IPv4 10.244.0.2 b", "IPv6 fd00::1 a", "IPv6 fd00::2 b"]);
    const known = harness.cluster.get(Service, "web")!;
    harness.cluster.change(Service, known, { metadata: { ...known.metadata, labels: { team: "shop" } } });
    await harness.settle();
    expect(harness.cluster.all(EndpointSlice)[0]?.metadata.labels).toHaveProperty("team");
    expect(harness.events()).toEqual([
      "TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4",
      "TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv6",
    ]);
  });

  test("loses them when a zone goes, and has them again when it is back", async () => {
    await using harness = await run([endpointSliceController], {
      given: (cluster) => {
        put(cluster, auto, ["IPv4"]);
        pod(cluster, 1, "n1");
        pod(cluster, 2, "n2");
      },
    });
    const node = harness.cluster.get(Node, "n2")!;
    harness.cluster.change(Node, node, { status: nodeOf("n2", "b", { ready: false }).status! });
    await harness.settle();
    expect(hints(harness)).toEqual(["IPv4 10.244.0.1 -", "IPv4 10.244.0.2 -"]);
    expect(harness.events().join()).toContain("TopologyAwareHintsDisabled: Insufficient Node information");
    harness.cluster.change(Node, harness.cluster.get(Node, "n2")!, { status: node.status! });
    await harness.settle();
    expect(hints(harness)).toEqual(["IPv4 10.244.0.1 a", "IPv4 10.244.0.2 b"]);
  });

  test("that is so no more loses them with an event", async () => {
    await using harness = await run([endpointSliceController], {
      given: (cluster) => {
        put(cluster, { "service.kubernetes.io/topology-aware-hints": "auto" }, ["IPv4"]);
        pod(cluster, 1, "n1");
        pod(cluster, 2, "n2");
      },
    });
    const known = harness.cluster.get(Service, "web")!;
    harness.cluster.change(Service, known, { metadata: { ...known.metadata, annotations: {} } });
    await harness.settle();
    expect(hints(harness)).toEqual(["IPv4 10.244.0.1 -", "IPv4 10.244.0.2 -"]);
    expect(harness.events()).toContain(
      "TopologyAwareHintsDisabled: Topology Aware Hints has been disabled, addressType: IPv4",
    );
  });
});
