import { describe, expect, test } from "vitest";
import { doorKey, isEmpty, type ProxyChange } from "./front.ts";
import { ProxyTable } from "./table.ts";

const table = () => new ProxyTable({ node: { name: "here" }, family: "IPv4" });
const service = (name: string, clusterIP: string, extra: object = {}, creationTimestamp = "2024-01-01T00:00:00Z") => ({
  metadata: { namespace: "ns", name, creationTimestamp },
  spec: { clusterIP, ports: [{ port: 80 }], ...extra },
});
const slice = (name: string, of: string, ...addresses: string[]) => ({
  metadata: { namespace: "ns", name, labels: { "kubernetes.io/service-name": of } },
  addressType: "IPv4",
  endpoints: addresses.map((address) => ({ addresses: [address] })),
  ports: [{ port: 8080 }],
});
const told = (change: ProxyChange) => [
  ...change.put.map(
    (front) => `${doorKey(front.door)} -> ${front.targets.map((target) => target.ip).join(" ")} (${front.service})`,
  ),
  ...change.remove.map((key) => `no ${key}`),
];

describe("the proxy's table", () => {
  test("tells each change once, and nothing when an object changed in ways that do not matter", () => {
    const proxy = table();
    proxy.setService(service("a", "10.96.0.1"));
    proxy.setSlice(slice("a-1", "a", "10.244.0.1"));
    expect(told(proxy.drain())).toEqual(["10.96.0.1/tcp/80 -> 10.244.0.1 (ns/a)"]);
    expect(isEmpty(proxy.drain())).toBe(true);
    proxy.setService({ ...service("a", "10.96.0.1"), metadata: { namespace: "ns", name: "a", labels: { x: "y" } } });
    expect(isEmpty(proxy.drain())).toBe(true);
  });

  test("follows the zone of its own node", () => {
    const proxy = table();
    const hinted = (address: string, zone: string) => ({ addresses: [address], hints: { forZones: [{ name: zone }] } });
    proxy.setService(service("a", "10.96.0.1"));
    proxy.setSlice({ ...slice("a-1", "a"), endpoints: [hinted("10.244.0.1", "z1"), hinted("10.244.0.2", "z2")] });
    proxy.drain();
    const zoned = (name: string, zone: string) =>
      proxy.setNode({ metadata: { name, labels: { "topology.kubernetes.io/zone": zone } } });
    zoned("there", "z1");
    expect(proxy.dirty).toBe(false);
    zoned("here", "z2");
    expect(told(proxy.drain())).toEqual(["10.96.0.1/tcp/80 -> 10.244.0.2 (ns/a)"]);
    zoned("here", "z2");
    expect(proxy.dirty).toBe(false);
    proxy.setNode({ metadata: { name: "here" } });
    expect(told(proxy.drain())).toEqual(["10.96.0.1/tcp/80 -> 10.244.0.1 10.244.0.2 (ns/a)"]);
  });

  test("joins the slices of a service and drops an address with its last slice", () => {
    const proxy = table();
    proxy.setSlice(slice("a-1", "a", "10.244.0.1", "10.244.0.2"));
    proxy.setSlice(slice("a-2", "a", "10.244.0.2", "10.244.0.3"));
    proxy.setService(service("a", "10.96.0.1"));
    expect(told(proxy.drain())).toEqual(["10.96.0.1/tcp/80 -> 10.244.0.1 10.244.0.2 10.244.0.3 (ns/a)"]);
    proxy.deleteSlice(slice("a-1", "a"));
    expect(told(proxy.drain())).toEqual(["10.96.0.1/tcp/80 -> 10.244.0.2 10.244.0.3 (ns/a)"]);
  });

  test("forgets a service, and knows its slices when it comes back", () => {
    const proxy = table();
    proxy.setService(service("a", "10.96.0.1"));
    proxy.setSlice(slice("a-1", "a", "10.244.0.1"));
    proxy.drain();
    proxy.deleteService(service("a", "10.96.0.1"));
    expect(told(proxy.drain())).toEqual(["no 10.96.0.1/tcp/80"]);
    proxy.setService(service("a", "10.96.0.9"));
    expect(told(proxy.drain())).toEqual(["10.96.0.9/tcp/80 -> 10.244.0.1 (ns/a)"]);
  });

  test("gives a door that two services want to the older one, and to the other when that one goes", () => {
    const proxy = table();
    const shared = { externalIPs: ["192.0.2.1"] };
    proxy.setService(service("young", "10.96.0.1", shared, "2024-02-01T00:00:00Z"));
    proxy.setService(service("old", "10.96.0.2", shared, "2024-01-01T00:00:00Z"));
    expect(told(proxy.drain()).filter((line) => line.startsWith("192"))).toEqual(["192.0.2.1/tcp/80 ->  (ns/old)"]);
    proxy.deleteService(service("old", "10.96.0.2"));
    expect(told(proxy.drain())).toEqual(["192.0.2.1/tcp/80 ->  (ns/young)", "no 10.96.0.2/tcp/80"]);
  });

  test("opens the host ports of running pods and closes them when they finish", () => {
    const proxy = table();
    const pod = (phase: string, podIP?: string) => ({
      metadata: { namespace: "ns", name: "p" },
      spec: {
        containers: [{ ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] }],
        initContainers: [
          { ports: [{ containerPort: 82, hostPort: 8082 }] },
          {
            restartPolicy: "Always",
            ports: [{ containerPort: 83, hostPort: 8083, hostIP: "192.0.2.1", protocol: "UDP" }],
          },
        ],
      },
      status: { phase, podIP },
    });
    proxy.setPod(pod("Pending"));
    expect(isEmpty(proxy.drain())).toBe(true);
    proxy.setPod(pod("Running", "10.244.0.5"));
    expect(proxy.drain().putHostPorts).toEqual([
      { protocol: "tcp", port: 8080, hostIP: undefined, target: { ip: "10.244.0.5", port: 80 } },
      { protocol: "udp", port: 8083, hostIP: "192.0.2.1", target: { ip: "10.244.0.5", port: 83 } },
    ]);
    proxy.setPod(pod("Succeeded", "10.244.0.5"));
    expect(proxy.drain().removeHostPorts).toEqual(["tcp/8080", "192.0.2.1/udp/8083"]);
  });
});
