import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import type { DnsEndpointSliceInput, DnsServiceInput } from "./dns/zone-input.ts";
import type { AnnouncingNodeInput } from "./load-balancer/announcements.ts";
import { mustRun } from "./machine/command.ts";
import { type NodeNetwork, type NodeNetworkOptions, openNodeNetwork, removeNodeNetwork } from "./node-network.ts";
import type { NodeInput } from "./pod-network/routes.ts";
import type { NetworkPolicyInput, PolicyNamespaceInput, PolicyPodInput } from "./policy/policy-input.ts";
import type { HostPortPodInput } from "./proxy/service-input.ts";
import { type CniPod, openCniPod } from "./testing/cni-pod.ts";
import { MemoryFeed } from "./testing/memory-feed.ts";
import { joinNamespaces, openNamespace, type TestNamespace } from "./testing/namespaces.ts";

const clusterDns = "10.96.0.10";

class Cluster {
  readonly services = new MemoryFeed<DnsServiceInput>();
  readonly endpointSlices = new MemoryFeed<DnsEndpointSliceInput>();
  readonly pods = new MemoryFeed<HostPortPodInput>();
  readonly nodes = new MemoryFeed<NodeInput & AnnouncingNodeInput>();
  readonly networkPolicies = new MemoryFeed<NetworkPolicyInput>();
  readonly namespaces = new MemoryFeed<PolicyNamespaceInput>();
  readonly allPods = new MemoryFeed<PolicyPodInput>();

  service(
    name: string,
    clusterIP: string,
    endpoints: readonly { readonly address: string; readonly node: string }[],
    nodePort?: number,
  ): void {
    const metadata = { namespace: "default", name };
    const ports = [{ name: "http", port: 80, protocol: "TCP", nodePort }];
    this.services.set({
      metadata,
      spec: { type: nodePort ? "NodePort" : "ClusterIP", clusterIP, clusterIPs: [clusterIP], ports },
    });
    this.endpointSlices.set({
      metadata: { ...metadata, name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: endpoints.map(({ address, node }) => ({ addresses: [address], nodeName: node })),
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    });
  }
}

function networkOptions(
  cluster: Cluster,
  node: TestNamespace,
  index: number,
  directory: string,
  nodeToNode: NodeNetworkOptions["nodeToNode"],
  changes: Partial<NodeNetworkOptions> = {},
): NodeNetworkOptions {
  return {
    name: `t${index}`,
    nodeName: `node${index}`,
    podCIDRs: [`10.244.${index}.0/24`],
    clusterCIDRs: ["10.244.0.0/16"],
    serviceCIDRs: ["10.96.0.0/16"],
    clusterDNS: [clusterDns],
    clusterDomain: "cluster.local",
    nodeToNode,
    stateDir: join(directory, `state${index}`),
    cniConfDir: join(directory, `cni${index}`),
    execPrefix: ["nsenter", `--net=${node.path}`],
    feeds: cluster,
    upstreams: [],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    ...changes,
  };
}

const serve = (pod: CniPod, name: string) => pod.namespace.ask({ op: "serve", protocol: "tcp", port: 8080, name });
const seen = (reply: { readonly answer?: string; readonly error?: string }) =>
  (reply.answer ?? reply.error ?? "").replace("::ffff:", "");

async function until(what: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    if (await what()) return true;
    await systemClock.sleep(40);
  }
  return false;
}

describe("one node's network", () => {
  const directory = mkdtempSync(join(tmpdir(), "nvnet-"));
  const cluster = new Cluster();
  const stack = new AsyncDisposableStack();
  let node: TestNamespace;
  let outside: TestNamespace;
  let network: NodeNetwork;
  let before: string;
  const pods: CniPod[] = [];
  const settings = "net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.ipv4.conf.up0.route_localnet".split(" ");

  beforeAll(async () => {
    node = stack.use(await openNamespace("node"));
    outside = stack.use(await openNamespace("out"));
    await joinNamespaces(
      { in: node, device: "up0", address: "203.0.113.1/24" },
      { in: outside, device: "eth0", address: "203.0.113.2/24" },
    );
    before = await mustRun(node.run, ["sysctl", ...settings]);
    network = stack.use(await openNodeNetwork(networkOptions(cluster, node, 0, directory, { kind: "none" })));
    for (const label of ["pod1", "pod2"]) {
      const pod = stack.use(await openCniPod(node, network.conflistFile, label));
      pods.push(pod);
      await serve(pod, label);
    }
    cluster.service(
      "web",
      "10.96.3.1",
      pods.map(({ address }) => ({ address, node: "node0" })),
      30080,
    );
    cluster.service("own", "10.96.3.2", [{ address: pods[0]!.address, node: "node0" }]);
    const balanced = { type: "LoadBalancer", clusterIP: "10.96.3.3", ports: [{ port: 80 }] };
    const status = { loadBalancer: { ingress: [{ ip: "203.0.113.50" }] } };
    cluster.services.set({ metadata: { namespace: "default", name: "balanced" }, spec: balanced, status });
    cluster.nodes.set({
      metadata: { name: "node0" },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    });
    await network.proxy.ready();
    await systemClock.sleep(200);
  }, 60_000);
  afterAll(async () => {
    await stack.disposeAsync();
    rmSync(directory, { recursive: true, force: true });
  });

  test("gives pods addresses of the node's range, and they reach each other", async () => {
    expect(pods.map(({ address }) => address)).toEqual(["10.244.0.2", "10.244.0.3"]);
    const reply = await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host: pods[1]!.address, port: 8080 });
    expect(seen(reply)).toBe("pod2 10.244.0.2");
  });

  test("serves a service to its pods, to itself and to the node, which has no default route", async () => {
    expect(seen(await pods[1]!.namespace.ask({ op: "ask", protocol: "tcp", host: "10.96.3.2", port: 80 }))).toBe(
      "pod1 10.244.0.3",
    );
    expect(seen(await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host: "10.96.3.2", port: 80 }))).toMatch(
      /^pod1 /,
    );
    expect(seen(await node.ask({ op: "ask", protocol: "tcp", host: "10.96.3.2", port: 80 }))).toMatch(/^pod1 /);
    expect(seen(await node.ask({ op: "ask", protocol: "tcp", host: "127.0.0.1", port: 30080 }))).toMatch(/^pod[12] /);
    expect(seen(await outside.ask({ op: "ask", protocol: "tcp", host: "203.0.113.1", port: 30080 }))).toMatch(
      /^pod[12] /,
    );
    expect(seen(await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host: "10.96.3.77", port: 80 }))).toBe(
      "ECONNREFUSED",
    );
  });

  test("answers names at the cluster DNS address, from pods and from the node", async () => {
    const lookUp = (where: TestNamespace, name: string) =>
      where.run(["busybox", "nslookup", "-type=a", name, clusterDns]);
    for (const where of [pods[0]!.namespace, node]) {
      expect((await lookUp(where, "web.default.svc.cluster.local")).stdout).toContain("10.96.3.1");
      expect((await lookUp(where, "nope.default.svc.cluster.local")).stdout).toContain("NXDOMAIN");
    }
    const { config } = network.resolvConf({ metadata: { namespace: "default" }, spec: {} });
    expect(config.nameservers).toEqual([clusterDns]);
  });

  test("gives pods the node's address towards the world", async () => {
    await outside.ask({ op: "serve", protocol: "tcp", port: 8080, name: "world" });
    await mustRun(pods[0]!.namespace.run, ["ip", "route", "get", "203.0.113.2"]);
    const reply = await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host: "203.0.113.2", port: 8080 });
    expect(seen(reply)).toBe("world 203.0.113.1");
  });

  test("follows a service whose endpoints change", async () => {
    cluster.service("own", "10.96.3.2", [{ address: pods[1]!.address, node: "node0" }]);
    const moved = await until(async () =>
      seen(await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host: "10.96.3.2", port: 80 })).startsWith(
        "pod2",
      ),
    );
    expect(moved).toBe(true);
  });

  test("announces a balancer's address on the network that it is in", async () => {
    const announced = () => mustRun(node.run, ["ip", "neigh", "show", "proxy"]);
    expect(await until(async () => (await announced()).trim() === "203.0.113.50 dev up0 proxy")).toBe(true);
  });

  test("opens a pod's host port and closes it with the pod", async () => {
    const pod = {
      metadata: { namespace: "default", name: "p" },
      spec: { containers: [{ ports: [{ containerPort: 8080, hostPort: 9090 }] }] },
      status: { podIP: pods[0]!.address, phase: "Running" },
    };
    const ask = async () => seen(await outside.ask({ op: "ask", protocol: "tcp", host: "203.0.113.1", port: 9090 }));
    cluster.pods.set(pod);
    expect(await until(async () => (await ask()) === "pod1 203.0.113.2")).toBe(true);
    cluster.pods.delete(pod);
    expect(await until(async () => (await ask()) === "ECONNREFUSED")).toBe(true);
  });

  test("survives a second start on top of the first, as after a crash, without losing pods", async () => {
    const again = stack.use(
      await openNodeNetwork(networkOptions(cluster, node, 0, directory, { kind: "none" }, { clusterDNS: [] })),
    );
    await again.proxy.ready();
    const host = "10.96.3.1";
    expect(seen(await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host, port: 80 }))).toMatch(/^pod[12] /);
  });

  test.each([
    { sentence: "when it is disposed", remove: () => network[Symbol.asyncDispose]() },
    {
      sentence: "when it was never disposed",
      remove: async () => {
        const left = await openNodeNetwork(
          networkOptions(cluster, node, 0, directory, { kind: "vxlan", address: "203.0.113.1", id: 5 }),
        );
        const { name, stateDir, cniConfDir, execPrefix } = networkOptions(cluster, node, 0, directory, {
          kind: "none",
        });
        await removeNodeNetwork({ name, stateDir, cniConfDir, execPrefix });
        // What was open does not mind that everything is gone.
        await left[Symbol.asyncDispose]();
      },
    },
  ])("takes everything away $sentence", async ({ remove }) => {
    for (const pod of pods) await pod[Symbol.asyncDispose]();
    await remove();
    expect((await node.run(["nft", "list", "tables"])).stdout).toBe("");
    expect(await mustRun(node.run, ["ip", "neigh", "show", "proxy"])).toBe("");
    const links = JSON.parse(await mustRun(node.run, ["ip", "-j", "link"])) as { ifname: string }[];
    expect(links.map(({ ifname }) => ifname).sort()).toEqual(["lo", "up0"]);
    expect(await mustRun(node.run, ["sysctl", ...settings])).toBe(before);
    expect(readdirSync(join(directory, "cni0"))).toEqual([]);
    expect(readdirSync(join(directory, "state0"))).toEqual([]);
  });
});

const ways = [
  { kind: "host-gw", backend: () => ({ kind: "host-gw", device: "up0" }) as const },
  { kind: "vxlan", backend: (address: string) => ({ kind: "vxlan", address, id: 77 }) as const },
];

describe.each(ways)("two nodes, $kind", ({ backend }) => {
  const directory = mkdtempSync(join(tmpdir(), "nvnet-"));
  const cluster = new Cluster();
  const stack = new AsyncDisposableStack();
  const nodes: TestNamespace[] = [];
  const networks: NodeNetwork[] = [];
  const pods: CniPod[] = [];

  beforeAll(async () => {
    for (const index of [1, 2]) nodes.push(stack.use(await openNamespace(`node${index}`)));
    await joinNamespaces(
      { in: nodes[0]!, device: "up0", address: "203.0.113.1/24" },
      { in: nodes[1]!, device: "up0", address: "203.0.113.2/24" },
    );
    for (const [i, node] of nodes.entries()) {
      const index = i + 1;
      const address = `203.0.113.${index}`;
      networks.push(
        stack.use(await openNodeNetwork(networkOptions(cluster, node, index, directory, backend(address)))),
      );
      cluster.nodes.set({
        metadata: { name: `node${index}` },
        spec: { podCIDR: `10.244.${index}.0/24`, podCIDRs: [`10.244.${index}.0/24`] },
        status: { addresses: [{ type: "InternalIP", address }] },
      });
      const pod = stack.use(await openCniPod(node, networks[i]!.conflistFile, `pod${index}`));
      pods.push(pod);
      await serve(pod, `pod${index}`);
    }
    cluster.service("far", "10.96.3.1", [{ address: pods[1]!.address, node: "node2" }], 30081);
    await Promise.all(networks.map((network) => network.proxy.ready()));
    await systemClock.sleep(300);
  }, 60_000);
  afterAll(async () => {
    await stack.disposeAsync();
    rmSync(directory, { recursive: true, force: true });
  });

  test("pods of different nodes see each other's own addresses", async () => {
    const reply = await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host: pods[1]!.address, port: 8080 });
    expect(seen(reply)).toBe(`pod2 ${pods[0]!.address}`);
  });

  test("a service on the other node is reached from pods, from the node, and by its node port on loopback", async () => {
    expect(seen(await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host: "10.96.3.1", port: 80 }))).toBe(
      `pod2 ${pods[0]!.address}`,
    );
    expect(seen(await nodes[0]!.ask({ op: "ask", protocol: "tcp", host: "10.96.3.1", port: 80 }))).toMatch(/^pod2 /);
    expect(seen(await nodes[0]!.ask({ op: "ask", protocol: "tcp", host: "127.0.0.1", port: 30081 }))).toMatch(/^pod2 /);
    expect(seen(await nodes[0]!.ask({ op: "ask", protocol: "tcp", host: pods[1]!.address, port: 8080 }))).toMatch(
      /^pod2 /,
    );
  });

  test("a node that leaves takes its route along", async () => {
    const routes = async () => mustRun(nodes[0]!.run, ["ip", "route"]);
    expect(await routes()).toContain("10.244.2.0/24");
    cluster.nodes.delete({ metadata: { name: "node2" } });
    expect(await until(async () => !(await routes()).includes("10.244.2.0/24"))).toBe(true);
  });
});

describe.each(ways)("two nodes of both families, $kind", ({ kind, backend }) => {
  const directory = mkdtempSync(join(tmpdir(), "nvnet-"));
  const cluster = new Cluster();
  const stack = new AsyncDisposableStack();
  const nodes: TestNamespace[] = [];
  const pods: CniPod[] = [];
  const podCIDRs = (index: number) => [`10.244.${index}.0/24`, `fd00:244:0:${index}::/64`];

  beforeAll(async () => {
    for (const index of [1, 2]) nodes.push(stack.use(await openNamespace(`node${index}`)));
    await joinNamespaces(
      { in: nodes[0]!, device: "up0", address: "203.0.113.1/24" },
      { in: nodes[1]!, device: "up0", address: "203.0.113.2/24" },
    );
    const networks: NodeNetwork[] = [];
    for (const [i, node] of nodes.entries()) {
      const index = i + 1;
      // A tunnel of IPv4 carries both families.
      const sixth = kind === "host-gw" ? [`2001:db8::${index}`] : [];
      const addresses = [`203.0.113.${index}`, ...sixth];
      for (const address of sixth)
        await mustRun(node.run, ["ip", "addr", "add", `${address}/64`, "dev", "up0", "nodad"]);
      const both = {
        podCIDRs: podCIDRs(index),
        clusterCIDRs: ["10.244.0.0/16", "fd00:244::/48"],
        serviceCIDRs: ["10.96.0.0/16", "fd00:96::/108"],
      };
      const network = await openNodeNetwork(
        networkOptions(cluster, node, index, directory, backend(addresses[0]!), both),
      );
      networks.push(stack.use(network));
      cluster.nodes.set({
        metadata: { name: `node${index}` },
        spec: { podCIDRs: podCIDRs(index) },
        status: { addresses: addresses.map((address) => ({ type: "InternalIP", address })) },
      });
      const pod = stack.use(await openCniPod(node, network.conflistFile, `both${index}`));
      pods.push(pod);
      for (const host of pod.addresses) {
        await pod.namespace.ask({ op: "serve", protocol: "tcp", port: 8080, host, name: `pod${index}` });
      }
      cluster.allPods.set({
        metadata: { namespace: "default", name: `pod${index}`, labels: { app: `pod${index}` } },
        spec: { nodeName: `node${index}` },
        status: { phase: "Running", podIPs: pod.addresses.map((ip) => ({ ip })) },
      });
    }
    const metadata = { namespace: "default", name: "both" };
    const clusterIPs = ["10.96.3.1", "fd00:96::31"];
    const ports = [{ port: 80, protocol: "TCP" }];
    cluster.services.set({ metadata, spec: { type: "ClusterIP", clusterIP: clusterIPs[0]!, clusterIPs, ports } });
    for (const [i, addressType] of ["IPv4", "IPv6"].entries()) {
      cluster.endpointSlices.set({
        metadata: { ...metadata, name: `both-${i}`, labels: { "kubernetes.io/service-name": "both" } },
        addressType,
        endpoints: [{ addresses: [pods[1]!.addresses[i]!], nodeName: "node2" }],
        ports: [{ port: 8080, protocol: "TCP" }],
      });
    }
    await Promise.all(networks.map((network) => network.proxy.ready()));
  }, 60_000);
  afterAll(async () => {
    await stack.disposeAsync();
    rmSync(directory, { recursive: true, force: true });
  });

  const hears = async (host: string, port: number) =>
    seen(await pods[0]!.namespace.ask({ op: "ask", protocol: "tcp", host, port }));

  test.each([
    ["IPv4", 0, "10.96.3.1"],
    ["IPv6", 1, "fd00:96::31"],
  ] as const)("%s: a pod reaches a pod of the other node, and it by its service, with its own address", async (_, family, service) => {
    const expected = `pod2 ${pods[0]!.addresses[family]}`;
    expect(await until(async () => (await hears(pods[1]!.addresses[family]!, 8080)) === expected)).toBe(true);
    expect(await until(async () => (await hears(service, 80)) === expected)).toBe(true);
  });

  test("a policy closes both families at the receiver's node, and opens them for whom it names", async () => {
    const policy = (app: string): NetworkPolicyInput => ({
      metadata: { namespace: "default", name: "policy" },
      spec: {
        podSelector: { matchLabels: { app: "pod2" } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app } } }] }],
      },
    });
    const both = () => Promise.all(pods[1]!.addresses.map((address) => hears(address, 8080)));
    cluster.networkPolicies.set(policy("nobody"));
    expect(await until(async () => (await both()).join() === "timeout,timeout")).toBe(true);
    cluster.networkPolicies.set(policy("pod1"));
    expect(await until(async () => (await both()).every((reply) => reply.startsWith("pod2")))).toBe(true);
  });
});
