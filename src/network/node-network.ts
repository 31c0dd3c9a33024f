import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { type Log, silentLog } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { type DnsFeeds, hostResolverConfig, openClusterDns, upstreamsOf } from "./dns/cluster-dns.ts";
import type { Upstream } from "./dns/forwarder.ts";
import { type ResolverConfig, type ResolverPodInput, type ResolverResult, resolvConfFor } from "./dns/resolv-conf.ts";
import { follow, type ObjectFeed } from "./feed.ts";
import type { AnnouncingNodeInput } from "./load-balancer/announcements.ts";
import { openAnnouncer } from "./load-balancer/announcer.ts";
import { openBalancerAddresses } from "./load-balancer/balancer-addresses.ts";
import { familyOf, type IpFamily } from "./machine/address.ts";
import { commandRunner, type RunCommand } from "./machine/command.ts";
import { cniConflist } from "./pod-network/conflist.ts";
import {
  deleteDevice,
  deviceName,
  ensureBridge,
  ensureServiceDevice,
  gatewayOf,
  removeBridge,
} from "./pod-network/devices.ts";
import { openForwarding, openPodMasquerade } from "./pod-network/masquerade.ts";
import { openRouter, type Router, type RouterOptions } from "./pod-network/router.ts";
import type { NodeInput } from "./pod-network/routes.ts";
import { bridgeFiltering, listeningToRouters, needIpv6, networkSysctls, openSysctls } from "./pod-network/sysctls.ts";
import { type NetworkPolicies, openNetworkPolicies, type PolicyFeeds } from "./policy/network-policies.ts";
import { openNftPolicies } from "./policy/nft/backend.ts";
import { HealthCheckServers } from "./proxy/health-checks.ts";
import { openNftProxy } from "./proxy/nft/backend.ts";
import { openServiceProxy, type ProxyFeeds, type ServiceProxy } from "./proxy/service-proxy.ts";

/** How packets reach the pods of other nodes. */
export type NodeToNode =
  /** There is one node, or somebody else routes. */
  | { readonly kind: "none" }
  /** The nodes share a network; `device` is the interface on it. */
  | { readonly kind: "host-gw"; readonly device?: string }
  /** Wrapped in VXLAN; `address` is this node's own on the network between nodes, `mtu` that network's. */
  | {
      readonly kind: "vxlan";
      readonly address: string;
      readonly id: number;
      readonly port?: number;
      readonly mtu?: number;
    };

export interface NodeNetworkOptions {
  /** Names interfaces, tables and the CNI network; unique among the nodes of one network namespace. */
  readonly name: string;
  readonly nodeName: string;
  readonly zone?: string;
  /** This node's pod ranges, the primary family first. */
  readonly podCIDRs: readonly string[];
  /** The ranges that all nodes' pod ranges lie in. */
  readonly clusterCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
  /** The cluster DNS addresses; this node answers on them itself. Empty: no DNS here. */
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  readonly nodeToNode: NodeToNode;
  /** `--nodeport-addresses`: ranges of the node's addresses that answer node ports; all if absent. */
  readonly nodePortRanges?: readonly string[];
  /** Bytes per packet on the network between nodes and to the world; 1500 if absent. */
  readonly mtu?: number;
  /** Where this node keeps addresses given out and settings to restore; private to it. */
  readonly stateDir: string;
  /** Where the runtime looks for CNI configuration; private to this node. */
  readonly cniConfDir: string;
  /** Leads into the node's network namespace, e.g. `["nsenter", "--net=/run/netns/x"]`; empty for this process's own. */
  readonly execPrefix?: readonly string[];
  /** Without `networkPolicies` and `allPods`, no policy is kept here. */
  readonly feeds: ProxyFeeds &
    DnsFeeds &
    Partial<PolicyFeeds> & { readonly nodes?: ObjectFeed<NodeInput & AnnouncingNodeInput> };
  /** Name servers for everything else; the machine's own if absent. */
  readonly upstreams?: readonly Upstream[];
  readonly stubDomains?: Readonly<Record<string, readonly Upstream[]>>;
  readonly hostResolver?: ResolverConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: Metrics;
}

/** A node's network. Disposing it takes everything away that it made and restores what it changed. */
export interface NodeNetwork extends AsyncDisposable {
  readonly bridge: string;
  /** The node's own address in each pod range. */
  readonly gateways: readonly string[];
  /** The file that the runtime reads. */
  readonly conflistFile: string;
  readonly proxy: ServiceProxy;
  /** Undefined when no policies are kept here. */
  readonly policies: NetworkPolicies | undefined;
  /** A pod's resolver configuration, by its dnsPolicy. */
  resolvConf(pod: ResolverPodInput): ResolverResult;
}

const vxlanOverhead = 50;
const isolationPatience = 10_000;

/** Sets up bridge, CNI configuration, routes, service proxy and DNS of one node. Rejects (Fault) with nothing left behind. */
export async function openNodeNetwork(options: NodeNetworkOptions): Promise<NodeNetwork> {
  const { name, feeds, clock, random, log, metrics, execPrefix = [] } = options;
  const run = commandRunner(execPrefix);
  const family = familyOf(options.podCIDRs[0] ?? "");
  if (!family) throw new Fault("invalid", `a node needs a pod range, not "${options.podCIDRs[0] ?? ""}"`);
  const bridge = deviceName("nvb-", name);
  const serviceDevice = deviceName("nvs-", name);
  const tunnel = options.nodeToNode.kind === "vxlan" ? deviceName("nvx-", name) : undefined;
  const underlayMtu = (options.nodeToNode.kind === "vxlan" ? options.nodeToNode.mtu : undefined) ?? options.mtu ?? 1500;
  const mtu = options.mtu ?? (tunnel ? underlayMtu - vxlanOverhead : underlayMtu);
  const gateways = options.podCIDRs.map((cidr) => gatewayOf(cidr).address);
  const families = [...new Set(options.podCIDRs.map(familyOf))].filter(
    (known): known is IpFamily => known !== undefined,
  );
  const host = options.hostResolver ?? hostResolverConfig();

  const ipv6 = families.includes("IPv6");
  if (ipv6) await needIpv6(run);
  // Before there are interfaces of our own.
  const learning = ipv6 ? await listeningToRouters(run) : [];

  const stack = new AsyncDisposableStack();
  try {
    // Interfaces first, so that settings of theirs have something to be set on; undone last.
    stack.defer(() => removeBridge(run, bridge));
    await ensureBridge(run, { name: bridge, podCIDRs: options.podCIDRs, mtu });
    stack.defer(() => deleteDevice(run, serviceDevice));
    await ensureServiceDevice(run, {
      name: serviceDevice,
      addresses: options.clusterDNS,
      serviceCIDRs: options.serviceCIDRs,
      sources: gateways,
    });
    const router = stack.use(await openRouterFor(options, run, tunnel, underlayMtu));
    const uplink = options.nodeToNode.kind === "host-gw" ? options.nodeToNode.device : undefined;
    const devices = [bridge, ...(tunnel ? [tunnel] : []), ...(uplink ? [uplink] : [])];
    const sysctls = [...learning, ...networkSysctls({ devices, ipv6 })];
    stack.use(await openSysctls(run, sysctls, sysctlFile(options)));
    if (!(await bridgeFiltering(run))) {
      log.warn(
        "this kernel has no bridge filtering: pods of one node cannot reach each other through services, and no policy keeps them apart",
      );
    }
    for (const each of families) {
      const { podCIDRs, clusterCIDRs } = options;
      stack.use(await openPodMasquerade(run, { table: `navarch-${name}-pods`, family: each, podCIDRs, clusterCIDRs }));
    }
    stack.use(await openForwarding(run, [...options.clusterCIDRs, ...options.serviceCIDRs]));
    const conflistFile = await writeConflist(options, bridge, mtu, stack);
    if (feeds.nodes) stack.use(followNodes(feeds.nodes, router, options));
    if (options.clusterDNS.length > 0) {
      const reverseRanges = [...options.serviceCIDRs, ...options.clusterCIDRs];
      const upstreams = options.upstreams ?? upstreamsOf(host);
      const { clusterDomain: domain, clusterDNS: addresses, stubDomains } = options;
      stack.use(
        await openClusterDns({
          ...{ feeds, domain, addresses, execPrefix, upstreams, stubDomains, reverseRanges },
          ...{ clock, random, log, metrics },
        }),
      );
    }
    const announcer = await openAnnouncer({
      run,
      serviceDevice,
      ownDevices: [bridge, ...(tunnel ? [tunnel] : [])],
      log,
    });
    const { services, endpointSlices, nodes } = feeds;
    const balanced = { services, endpointSlices, ...(nodes ? { nodes } : {}) };
    stack.use(openBalancerAddresses({ feeds: balanced, nodeName: options.nodeName, announcer, clock, random, log }));
    // One table and one loop per family; the primary one answers for status.
    const health = stack.use(new HealthCheckServers(log));
    const [proxy] = families.map((each) => stack.use(openProxyFor(options, run, each, health)));
    const policies = families.map((each) => openPoliciesFor(options, run, each)).filter((each) => each !== undefined);
    for (const each of policies) stack.use(each);
    await isolating(policies, options);
    const opened = stack.move();
    return {
      bridge,
      gateways,
      conflistFile,
      proxy: proxy!,
      policies: policies[0],
      resolvConf: (pod) =>
        resolvConfFor(pod, { clusterDomain: options.clusterDomain, clusterDNS: options.clusterDNS, host }),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** What is needed to find a node's network again. */
export type NodeNetworkPlace = Pick<NodeNetworkOptions, "name" | "stateDir" | "cniConfDir" | "execPrefix">;

/** Takes away what a node's network left that was never disposed: the way down after a crash. */
export async function removeNodeNetwork(place: NodeNetworkPlace): Promise<void> {
  const run = commandRunner(place.execPrefix);
  const own = `navarch-${place.name}`;
  for (const table of [own, `${own}-pods`, policyTableName(place)]) {
    for (const family of ["ip", "ip6"]) await run(["nft", "delete", "table", family, table]);
  }
  await (await openSysctls(run, [], sysctlFile(place)))[Symbol.asyncDispose]();
  await removeCniFiles(place);
  const serviceDevice = deviceName("nvs-", place.name);
  await (await openAnnouncer({ run, serviceDevice, ownDevices: [], log: silentLog }))[Symbol.asyncDispose]();
  await deleteDevice(run, deviceName("nvx-", place.name));
  await deleteDevice(run, serviceDevice);
  await removeBridge(run, deviceName("nvb-", place.name));
}

function policyTableName(place: NodeNetworkPlace): string {
  return `navarch-${place.name}-policy`;
}

function openPoliciesFor(options: NodeNetworkOptions, run: RunCommand, family: IpFamily): NetworkPolicies | undefined {
  const { feeds, podCIDRs, nodeName, clock, random, log, metrics } = options;
  const { networkPolicies, namespaces, allPods } = feeds;
  if (!networkPolicies || !namespaces || !allPods) return undefined;
  return openNetworkPolicies({
    ...{ feeds: { networkPolicies, namespaces, allPods }, clock, random, log, metrics },
    backend: openNftPolicies({ table: policyTableName(options), family, localPodRanges: podCIDRs, run }),
    context: { nodeName, family },
  });
}

/** Waits until pods that are started from now on are isolated from their first moment; not for ever. */
async function isolating(policies: readonly NetworkPolicies[], { clock, log }: NodeNetworkOptions): Promise<void> {
  const waited = new AbortController();
  const inTime = Promise.all(policies.map((each) => each.ready())).then(
    () => true,
    () => false,
  );
  const tooLate = clock.sleep(isolationPatience, waited.signal).then(
    () => false,
    () => false,
  );
  if (!(await Promise.race([inTime, tooLate]))) log.warn("network policies are not there yet: pods start without them");
  waited.abort();
}

function sysctlFile(place: NodeNetworkPlace): string {
  return join(place.stateDir, "sysctls.json");
}

function cniFiles(place: NodeNetworkPlace) {
  const network = `navarch-${place.name}`;
  return {
    network,
    conflist: join(place.cniConfDir, `10-${network}.conflist`),
    addressDir: join(place.stateDir, "cni-addresses"),
  };
}

async function removeCniFiles(place: NodeNetworkPlace): Promise<void> {
  const { network, conflist, addressDir } = cniFiles(place);
  await rm(conflist, { force: true });
  await rm(addressDir, { recursive: true, force: true });
  await forgetCniResults(network);
}

function openRouterFor(
  options: NodeNetworkOptions,
  run: RunCommand,
  tunnel: string | undefined,
  mtu: number,
): Promise<Router> {
  const { nodeToNode, nodeName, podCIDRs, clusterCIDRs } = options;
  const backend: RouterOptions["backend"] =
    nodeToNode.kind === "vxlan" && tunnel
      ? {
          kind: "vxlan",
          device: tunnel,
          id: nodeToNode.id,
          port: nodeToNode.port,
          local: nodeToNode.address,
          mtu: mtu - vxlanOverhead,
        }
      : { kind: "host-gw" };
  return openRouter({ run, nodeName, podCIDRs, clusterCIDRs, backend });
}

function openProxyFor(
  options: NodeNetworkOptions,
  run: RunCommand,
  family: IpFamily,
  health: HealthCheckServers,
): ServiceProxy {
  const { feeds, clock, random, log, metrics } = options;
  return openServiceProxy({
    ...{ feeds, clock, random, log, metrics },
    ...(feeds.nodes ? { nodes: feeds.nodes } : {}),
    backend: openNftProxy({
      table: `navarch-${options.name}`,
      family,
      podRanges: [...options.clusterCIDRs, ...options.podCIDRs],
      serviceRanges: options.serviceCIDRs,
      nodePortRanges: options.nodePortRanges,
      localPodRanges: options.podCIDRs,
      run,
    }),
    context: {
      node: { name: options.nodeName, zone: options.zone },
      family,
      // The cluster DNS addresses are this node's own: its name server answers there without any translation.
      skipAddresses: options.clusterDNS,
    },
    // Health checks are served where this process is; with a prefix that is not where balancers look.
    onHealthChecks: options.execPrefix?.length ? undefined : (checks) => health.update(family, checks),
  });
}

async function writeConflist(
  options: NodeNetworkOptions,
  bridge: string,
  mtu: number,
  stack: AsyncDisposableStack,
): Promise<string> {
  const { network: name, conflist: file, addressDir } = cniFiles(options);
  stack.defer(() => removeCniFiles(options));
  await mkdir(options.cniConfDir, { recursive: true });
  const conflist = cniConflist({ name, bridge, podCIDRs: options.podCIDRs, mtu, addressDir });
  await writeFile(file, `${JSON.stringify(conflist, null, 2)}\n`);
  return file;
}

/** The CNI library keeps results of all networks in one place of its own; ours go when the network goes. */
async function forgetCniResults(network: string): Promise<void> {
  const directory = "/var/lib/cni/results";
  const files = await readdir(directory).catch(() => []);
  for (const file of files) if (file.startsWith(`${network}-`)) await rm(join(directory, file), { force: true });
}

/** Updates the routes when nodes change, several changes at once. */
function followNodes(feed: ObjectFeed<NodeInput>, router: Router, options: NodeNetworkOptions): AsyncDisposable {
  const nodes = new Map<string, NodeInput>();
  const { clock, log } = options;
  let closed = false;
  let dirty = false;
  let working: Promise<void> | undefined;
  const work = async () => {
    // With half a list, the routes to the other half would be taken away.
    await feed.synced().catch(() => {});
    await clock.sleep(20);
    while (dirty && !closed) {
      dirty = false;
      try {
        await router.update([...nodes.values()]);
      } catch (error) {
        log.error("routes to other nodes could not be set", { error: errorMessage(error) });
        dirty = true;
        await clock.sleep(1000);
      }
    }
    working = undefined;
  };
  const changed = () => {
    dirty = true;
    working ??= work();
  };
  const name = (node: NodeInput) => node.metadata?.name ?? "";
  const subscription = follow(
    feed,
    (node) => {
      // A node's status changes every few seconds; routes depend on very little of it.
      if (routeText(nodes.get(name(node))) === routeText(node)) return;
      nodes.set(name(node), node);
      changed();
    },
    (node) => {
      if (nodes.delete(name(node))) changed();
    },
  );
  return {
    [Symbol.asyncDispose]: async () => {
      closed = true;
      subscription[Symbol.dispose]();
      await working;
    },
  };
}

function routeText(node: NodeInput | undefined): string {
  if (!node) return "";
  return JSON.stringify([node.spec?.podCIDR, node.spec?.podCIDRs, node.status?.addresses, node.metadata?.annotations]);
}
