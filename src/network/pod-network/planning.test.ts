import { describe, expect, test } from "vitest";
import { cniConflist } from "./conflist.ts";
import { deviceName, gatewayOf, macOf } from "./devices.ts";
import { masqueradeScript } from "./masquerade.ts";
import { emptyRoutes, type NodeInput, overlayAddressAnnotation, planRoutes, routeScripts } from "./routes.ts";

const node = (
  name: string,
  podCIDR: string | undefined,
  address?: string,
  annotations?: Record<string, string>,
): NodeInput => ({
  metadata: { name, annotations },
  spec: { podCIDR },
  status: {
    addresses: address
      ? [
          { type: "Hostname", address: name },
          { type: "InternalIP", address },
        ]
      : [],
  },
});
const nodes = [
  node("a", "10.244.1.0/24", "192.0.2.1"),
  node("b", "10.244.2.0/24", "192.0.2.2"),
  node("new", undefined, "192.0.2.3"),
  node("lost", "10.244.4.0/24"),
];
const vxlan = { kind: "vxlan", device: "nvx" } as const;

describe("routes to other nodes' pods", () => {
  test("lead straight to nodes on the same network", () => {
    const { ip, bridge } = routeScripts(emptyRoutes, planRoutes(nodes, "a", { kind: "host-gw" }));
    expect(ip).toEqual(["route replace 10.244.2.0/24 via 192.0.2.2 proto 118"]);
    expect(bridge).toEqual([]);
  });

  test("lead through the tunnel, whose far end is known without asking", () => {
    const { ip, bridge } = routeScripts(emptyRoutes, planRoutes(nodes, "a", vxlan));
    expect(ip).toEqual([
      "neigh replace 10.244.2.0 lladdr 0e:76:0a:f4:02:00 dev nvx nud permanent",
      "route replace 10.244.2.0/24 via 10.244.2.0 dev nvx onlink proto 118",
    ]);
    expect(bridge).toEqual(["fdb replace 0e:76:0a:f4:02:00 dev nvx dst 192.0.2.2 self permanent"]);
  });

  test("follow a node that moves, and touch nothing else", () => {
    const before = planRoutes(nodes, "a", vxlan);
    const after = planRoutes([nodes[0]!, node("b", "10.244.2.0/24", "192.0.2.9")], "a", vxlan);
    expect(routeScripts(before, after)).toEqual({
      ip: [],
      bridge: ["fdb replace 0e:76:0a:f4:02:00 dev nvx dst 192.0.2.9 self permanent"],
    });
  });

  test("go with their node", () => {
    expect(routeScripts(planRoutes(nodes, "a", vxlan), emptyRoutes)).toEqual({
      ip: ["route del 10.244.2.0/24 proto 118", "neigh del 10.244.2.0 dev nvx"],
      bridge: ["fdb del 0e:76:0a:f4:02:00 dev nvx self"],
    });
  });

  test("use the address that a node names for this", () => {
    const named = node("b", "10.244.2.0/24", "192.0.2.2", { [overlayAddressAnnotation]: "198.51.100.2" });
    expect(planRoutes([named], "a", { kind: "host-gw" }).routes.get("10.244.2.0/24")).toContain("via 198.51.100.2");
  });

  test("are of the range's own family", () => {
    const dual: NodeInput = {
      metadata: { name: "b" },
      spec: { podCIDRs: ["10.244.2.0/24", "fd00:2::/64"] },
      status: {
        addresses: [
          { type: "InternalIP", address: "192.0.2.2" },
          { type: "InternalIP", address: "fd00::2" },
        ],
      },
    };
    expect(routeScripts(emptyRoutes, planRoutes([dual], "a", { kind: "host-gw" })).ip).toEqual([
      "route replace 10.244.2.0/24 via 192.0.2.2 proto 118",
      "route replace fd00:2::/64 via fd00::2 proto 118",
    ]);
    const wrapped = planRoutes([dual], "a", { kind: "vxlan", device: "nvx" });
    expect([...wrapped.routes.keys()]).toEqual(["10.244.2.0/24", "fd00:2::/64"]);
    expect([...wrapped.forwarding.values()]).toEqual(["0e:76:0a:f4:02:00 dev nvx dst 192.0.2.2 self permanent"]);
  });
});

describe("a node's pod network", () => {
  test("is described to the runtime as CNI asks for", () => {
    const conflist = cniConflist({
      name: "navarch-x",
      bridge: "nvb-x",
      podCIDRs: ["10.244.1.0/24"],
      mtu: 1450,
      addressDir: "/state",
    });
    expect(conflist).toEqual({
      cniVersion: "1.0.0",
      name: "navarch-x",
      plugins: [
        {
          ...{ type: "bridge", bridge: "nvb-x", isGateway: true, ipMasq: false, hairpinMode: true, mtu: 1450 },
          ipam: {
            type: "host-local",
            dataDir: "/state",
            ranges: [[{ subnet: "10.244.1.0/24" }]],
            routes: [{ dst: "0.0.0.0/0" }],
          },
        },
      ],
    });
  });

  test("has the first address of the range as its gateway, and a MAC address that follows from it", () => {
    expect(gatewayOf("10.244.1.0/24")).toEqual({ address: "10.244.1.1", withPrefix: "10.244.1.1/24" });
    expect(gatewayOf("fd00:1::/64").withPrefix).toBe("fd00:1::1/64");
    expect(macOf("10.244.1.1")).toBe("0a:58:0a:f4:01:01");
    expect(macOf("fd00::1")).toMatch(/^0a:58(:[0-9a-f]{2}){4}$/);
  });

  test("names interfaces within the kernel's 15 characters, differently for different nodes", () => {
    expect(deviceName("nvb-", "dev")).toBe("nvb-dev");
    const long = ["a-very-long-cluster-name-1", "a-very-long-cluster-name-2"].map((name) => deviceName("nvb-", name));
    expect(new Set(long).size).toBe(2);
    for (const name of long) expect(name.length).toBe(15);
  });

  test("masquerades towards the world, not towards pods", () => {
    const script = masqueradeScript({
      table: "t",
      family: "IPv4",
      podCIDRs: ["10.244.1.0/24"],
      clusterCIDRs: ["10.244.0.0/16"],
    });
    expect(script).toContain("ip saddr { 10.244.1.0/24 } ip daddr != { 10.244.0.0/16, 224.0.0.0/4 } masquerade");
  });
});
