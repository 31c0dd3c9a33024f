import { describe, expect, test } from "vitest";
import { type AnnouncingNodeInput, announcedHere } from "./announcements.ts";

const service = (name: string, ips: readonly string[], spec: object = {}) => ({
  metadata: { namespace: "ns", name },
  spec: { type: "LoadBalancer", ...spec },
  status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
});
const node = (name: string, ready = "True", extra: AnnouncingNodeInput["metadata"] = {}): AnnouncingNodeInput => ({
  metadata: { name, ...extra },
  status: {
    conditions: [{ type: "Ready", status: ready }],
    addresses: [{ type: "InternalIP", address: `192.0.2.${name.length}` }],
  },
});
const slice = (of: string, ...hosts: readonly string[]) => ({
  metadata: { namespace: "ns", name: of, labels: { "kubernetes.io/service-name": of } },
  addressType: "IPv4",
  endpoints: hosts.map((nodeName) => ({ addresses: ["10.0.0.1"], nodeName })),
});
const addresses = Array.from({ length: 40 }, (_, i) => `198.51.100.${i + 1}`);
const here = (self: string, given: Partial<Parameters<typeof announcedHere>[0]>) => [
  ...announcedHere({ services: [service("web", addresses)], slices: [], nodes: undefined, self, ...given }),
];

describe("balancers' addresses", () => {
  test("one node alone answers for all of them", () => {
    expect(here("a", {})).toEqual(addresses);
  });

  test("several nodes share them: each address is one node's, and each node has some", () => {
    const nodes = [node("a"), node("bb"), node("ccc")];
    const shares = nodes.map(({ metadata }) => here(metadata!.name!, { nodes }));
    expect(shares.flat().sort()).toEqual([...addresses].sort());
    for (const share of shares) expect(share).not.toEqual([]);
  });

  test("a node that is lost moves only what it had", () => {
    const before = here("a", { nodes: [node("a"), node("bb"), node("ccc")] });
    const after = here("a", { nodes: [node("a"), node("bb"), node("ccc", "Unknown")] });
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after.length).toBeGreaterThan(before.length);
  });

  test.each([
    ["that is not ready", node("a", "False")],
    ["that is being deleted", node("a", "True", { deletionTimestamp: "2026-01-01T00:00:00Z" })],
    [
      "that is excluded",
      node("a", "True", { labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } }),
    ],
  ])("a node %s answers for none", (_, self) => {
    expect(here("a", { nodes: [self, node("bb")] })).toEqual([]);
  });

  test("under the Local policy only nodes with an endpoint answer", () => {
    const services = [service("web", addresses, { externalTrafficPolicy: "Local" })];
    const nodes = [node("a"), node("bb")];
    expect(here("a", { services, nodes, slices: [slice("web", "bb")] })).toEqual([]);
    expect(here("bb", { services, nodes, slices: [slice("web", "bb")] })).toEqual(addresses);
  });

  test("nodes' own addresses, other modes and other types are left alone", () => {
    const nodes = [node("a")];
    expect(here("a", { nodes, services: [service("web", ["192.0.2.1"])] })).toEqual([]);
    const proxied = {
      ...service("web", []),
      status: { loadBalancer: { ingress: [{ ip: "198.51.100.1", ipMode: "Proxy" }] } },
    };
    expect(here("a", { nodes, services: [proxied] })).toEqual([]);
    expect(here("a", { nodes, services: [service("web", addresses, { type: "NodePort" })] })).toEqual([]);
  });
});
