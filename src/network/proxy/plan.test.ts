import { describe, expect, test } from "vitest";
import { doorKey, targetKey } from "./front.ts";
import { type PlanContext, planService } from "./plan.ts";
import type { EndpointInput, ServiceInput } from "./service-input.ts";

const context: PlanContext = { node: { name: "here", zone: "z1" }, family: "IPv4", skipAddresses: ["10.96.0.10"] };
const ready = (address: string, extra: Partial<EndpointInput> = {}): EndpointInput => ({
  addresses: [address],
  nodeName: "there",
  ...extra,
});

function plan(spec: ServiceInput["spec"], endpoints: readonly EndpointInput[] = [], rest: Partial<ServiceInput> = {}) {
  const service = {
    metadata: { namespace: "ns", name: "svc" },
    spec: { clusterIP: "10.96.1.1", ports: [{ name: "p", port: 80 }], ...spec },
    ...rest,
  };
  const slice = { addressType: "IPv4", endpoints, ports: [{ name: "p", port: 8080, protocol: "TCP" }] };
  return planService(service, [slice], context);
}

/** Each front as `door -> targets`, with its policy's words. */
function fronts(...arguments_: Parameters<typeof plan>): string[] {
  return plan(...arguments_).fronts.map((front) => {
    const targets = front.targets.map(targetKey).join(" ") || (front.drop ? "drop" : "refuse");
    const local = front.localOnly ? ` local: ${front.localOnly.map(targetKey).join(" ") || "drop"}` : "";
    return `${doorKey(front.door)} -> ${targets}${local}`;
  });
}

describe("the plan of one service", () => {
  test.each([
    { sentence: "headless", spec: { clusterIP: "None" } },
    { sentence: "without an address yet", spec: { clusterIP: "" } },
    { sentence: "ExternalName", spec: { type: "ExternalName" } },
    { sentence: "of the other family only", spec: { clusterIP: "fd00::1", clusterIPs: ["fd00::1"] } },
    { sentence: "at an address that the node answers itself", spec: { clusterIP: "10.96.0.10" } },
    { sentence: "of a protocol nobody knows", spec: { ports: [{ name: "p", port: 80, protocol: "QUIC" }] } },
  ])("is empty for a service that is $sentence", ({ spec }) => {
    expect(fronts(spec, [ready("10.244.0.5")])).toEqual([]);
  });

  test("is empty for a service of another proxy", () => {
    const labels = { "service.kubernetes.io/service-proxy-name": "other" };
    expect(fronts({}, [ready("10.244.0.5")], { metadata: { namespace: "ns", name: "svc", labels } })).toEqual([]);
  });

  test("sends a cluster IP to the ready endpoints, in an order that compares", () => {
    const endpoints = [
      ready("10.244.0.7"),
      ready("10.244.0.5", { conditions: { ready: true } }),
      ready("10.244.0.6", { conditions: { ready: false } }),
    ];
    expect(fronts({}, endpoints)).toEqual(["10.96.1.1/tcp/80 -> 10.244.0.5:8080 10.244.0.7:8080"]);
  });

  test("falls back to endpoints that terminate but serve, only while none is ready", () => {
    const leaving = ready("10.244.0.6", { conditions: { ready: false, serving: true, terminating: true } });
    const failing = ready("10.244.0.7", { conditions: { ready: false, serving: false, terminating: true } });
    expect(fronts({}, [leaving, failing])).toEqual(["10.96.1.1/tcp/80 -> 10.244.0.6:8080"]);
    expect(fronts({}, [leaving, ready("10.244.0.5")])).toEqual(["10.96.1.1/tcp/80 -> 10.244.0.5:8080"]);
  });

  test("refuses at every door without endpoints", () => {
    expect(fronts({ type: "NodePort", ports: [{ name: "p", port: 80, nodePort: 30080 }] })).toEqual([
      "10.96.1.1/tcp/80 -> refuse",
      "node/tcp/30080 -> refuse",
    ]);
  });

  test("keeps the internal Local policy to this node and drops elsewhere", () => {
    const spec = { internalTrafficPolicy: "Local" };
    expect(fronts(spec, [ready("10.244.0.5"), ready("10.244.0.6", { nodeName: "here" })])).toEqual([
      "10.96.1.1/tcp/80 -> 10.244.0.6:8080",
    ]);
    expect(fronts(spec, [ready("10.244.0.5")])).toEqual(["10.96.1.1/tcp/80 -> drop"]);
  });

  test("gives the external Local policy both lists: this node's for outside clients, all for the cluster's own", () => {
    const spec = {
      type: "NodePort",
      externalTrafficPolicy: "Local",
      ports: [{ name: "p", port: 80, nodePort: 30080 }],
    };
    expect(fronts(spec, [ready("10.244.0.5"), ready("10.244.0.6", { nodeName: "here" })])[1]).toBe(
      "node/tcp/30080 -> 10.244.0.5:8080 10.244.0.6:8080 local: 10.244.0.6:8080",
    );
    expect(fronts(spec, [ready("10.244.0.5")])[1]).toBe("node/tcp/30080 -> 10.244.0.5:8080 local: drop");
  });

  test("opens external and load balancer addresses once each, but not those that a balancer answers itself", () => {
    const spec = {
      type: "LoadBalancer",
      externalIPs: ["192.0.2.1"],
      ports: [{ name: "p", port: 80, nodePort: 30080 }],
    };
    const status = {
      loadBalancer: {
        ingress: [{ ip: "192.0.2.1" }, { ip: "192.0.2.2" }, { ip: "192.0.2.3", ipMode: "Proxy" }, { ip: "fd00::9" }],
      },
    };
    expect(fronts(spec, [ready("10.244.0.5")], { status })).toEqual(
      ["10.96.1.1/tcp/80", "192.0.2.1/tcp/80", "192.0.2.2/tcp/80", "node/tcp/30080"].map(
        (door) => `${door} -> 10.244.0.5:8080`,
      ),
    );
  });

  test("guards balancer addresses, and no others, by source ranges", () => {
    const spec = { type: "LoadBalancer", externalIPs: ["192.0.2.1"], loadBalancerSourceRanges: ["198.51.100.0/24"] };
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.2" }] } };
    const guarded = plan(spec, [ready("10.244.0.5")], { status }).fronts.filter((front) => front.sourceRanges);
    expect(guarded.map((front) => doorKey(front.door))).toEqual(["192.0.2.2/tcp/80"]);
  });

  test("keeps affinity for three hours unless told otherwise", () => {
    expect(plan({ sessionAffinity: "ClientIP" }).fronts[0]?.affinitySeconds).toBe(10_800);
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 5 } };
    expect(plan({ sessionAffinity: "ClientIP", sessionAffinityConfig }).fronts[0]?.affinitySeconds).toBe(5);
    expect(plan({ sessionAffinity: "None" }).fronts[0]?.affinitySeconds).toBeUndefined();
  });

  test("matches ports by name and protocol, each with its own number", () => {
    const ports = [
      { name: "p", port: 80 },
      { name: "p", port: 80, protocol: "UDP" },
      { name: "q", port: 90 },
    ];
    expect(fronts({ ports }, [ready("10.244.0.5")])).toEqual([
      "10.96.1.1/tcp/80 -> 10.244.0.5:8080",
      "10.96.1.1/udp/80 -> refuse",
      "10.96.1.1/tcp/90 -> refuse",
    ]);
  });

  test("announces a health check with the number of this node's endpoints", () => {
    const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 32000 };
    const { healthCheck } = plan(spec, [ready("10.244.0.5", { nodeName: "here" }), ready("10.244.0.6")]);
    expect(healthCheck).toEqual({ port: 32000, namespace: "ns", name: "svc", localEndpoints: 1 });
  });

  test("tells balancers nothing of endpoints that end, though they are still asked", () => {
    const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 32000 };
    const ending = { nodeName: "here", conditions: { ready: false, serving: true, terminating: true } };
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
    const planned = plan(spec, [ready("10.244.0.5", ending)], { status });
    expect(planned.fronts.find(({ localOnly }) => localOnly)?.localOnly).toHaveLength(1);
    expect(planned.healthCheck?.localEndpoints).toBe(0);
  });
});

describe("hints", () => {
  const zone = (name: string) => ({ forZones: [{ name }] });
  const node = (name: string) => ({ forNodes: [{ name }] });
  test.each([
    { sentence: "keep traffic in the zone", hints: [zone("z1"), zone("z2")], targets: "10.244.0.0:8080" },
    {
      sentence: "count for nothing when one endpoint has none",
      hints: [zone("z1"), undefined],
      targets: "10.244.0.0:8080 10.244.0.1:8080",
    },
    {
      sentence: "count for nothing when the zone has no endpoint",
      hints: [zone("z2"), zone("z3")],
      targets: "10.244.0.0:8080 10.244.0.1:8080",
    },
    {
      sentence: "keep traffic on the node before the zone",
      hints: [
        { ...zone("z1"), ...node("here") },
        { ...zone("z1"), ...node("there") },
      ],
      targets: "10.244.0.0:8080",
    },
    {
      sentence: "fall back from the node to the zone",
      hints: [
        { ...zone("z1"), ...node("there") },
        { ...zone("z2"), ...node("there") },
      ],
      targets: "10.244.0.0:8080",
    },
  ])("$sentence", ({ hints, targets }) => {
    const endpoints = hints.map((hint, i) => ready(`10.244.0.${i}`, { hints: hint }));
    expect(fronts({}, endpoints)).toEqual([`10.96.1.1/tcp/80 -> ${targets}`]);
  });
});
