import { describe, expect, it } from "vitest";
import { created, faultsOf, faultsOfChange, received, row } from "../kind-fixture.ts";
import { Service } from "./service.ts";

const ports = [{ port: 80 }];
const service = (spec: object) => faultsOf(Service, { spec: { selector: { app: "a" }, ports, ...spec } });

describe("a service", () => {
  it("is of type ClusterIP and sends a port to the same port", () => {
    expect(received(Service, { spec: { ports } }).spec).toEqual({
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      sessionAffinity: "None",
      type: "ClusterIP",
      internalTrafficPolicy: "Cluster",
    });
  });

  it("keeps a client with one pod for three hours when asked to", () => {
    const { spec } = received(Service, { spec: { ports, sessionAffinity: "ClientIP" } });
    expect(spec.sessionAffinityConfig).toEqual({ clientIP: { timeoutSeconds: 10800 } });
  });

  it("has its address under both names, whichever changed", () => {
    expect(created(Service, { spec: { ports, clusterIP: "None" } }).spec.clusterIPs).toEqual(["None"]);
    const before = { spec: { ports, clusterIP: "10.0.0.1" } };
    expect(
      faultsOfChange(Service, before, { spec: { ports, clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.1"] } }),
    ).toEqual(['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']);
  });

  it("drops what only a load balancer had when it is one no more", () => {
    const previous = created(Service, { spec: { ports, type: "LoadBalancer", loadBalancerClass: "a/b" } });
    const wanted = received(Service, { spec: { ...previous.spec, type: "ClusterIP" } });
    const next = Service.declaration.prepareUpdate?.(wanted, previous);
    expect(next?.spec).not.toHaveProperty("loadBalancerClass");
    expect(next?.spec).not.toHaveProperty("externalTrafficPolicy");
    expect(next?.spec).not.toHaveProperty("allocateLoadBalancerNodePorts");
  });

  it.each([
    ["no ports", { ports: [] }, ["spec.ports: Required value"]],
    [
      "two ports without names",
      { ports: [{ port: 80 }, { port: 81 }] },
      ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
    ],
    [
      "an unknown type",
      { type: "Magic" },
      [
        'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      ],
    ],
    ["no name outside", { type: "ExternalName", ports: [] }, ["spec.externalName: Required value"]],
    [
      "no address where nodes need one",
      { type: "NodePort", clusterIP: "None" },
      ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
    ],
    [
      "a node port where there is none",
      { ports: [{ port: 80, nodePort: 30080 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      "an outside address that is inside",
      { externalIPs: ["127.0.0.1"] },
      ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ],
  ])("is refused with %s", (_what, spec, faults) => {
    expect(service(spec)).toEqual(faults);
  });

  it.each([
    ["ClusterIP", {}, {}, { "Cluster-IP": "10.0.0.1", "External-IP": "<none>", "Port(s)": "80/TCP" }],
    ["LoadBalancer", {}, {}, { "External-IP": "<pending>" }],
    [
      "LoadBalancer",
      {},
      { loadBalancer: { ingress: [{ hostname: "b" }, { ip: "1.2.3.4" }] } },
      { "External-IP": "1.2.3.4,b" },
    ],
    ["NodePort", { ports: [{ port: 80, nodePort: 30080 }] }, {}, { "Port(s)": "80:30080/TCP" }],
  ])("of type %s shows its addresses and ports", (type, more, status, cells) => {
    const object = received(Service, { spec: { type, ports, clusterIP: "10.0.0.1", ...more }, status });
    expect(row(Service, object)).toMatchObject(cells);
  });
});
