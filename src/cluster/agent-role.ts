import { mkdirSync } from "node:fs";
import { ConfigMap } from "../api/core/config-map.ts";
import { Namespace } from "../api/core/namespace.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { Service } from "../api/core/service.ts";
import { EndpointSlice } from "../api/discovery/endpoint-slice.ts";
import { NetworkPolicy } from "../api/networking/network-policy.ts";
import { createClient } from "../client/api-client.ts";
import type { Client, Informers } from "../client/client.ts";
import { httpTransport } from "../client/http-transport.ts";
import { createInformers } from "../client/informer.ts";
import { buildImage, pauseImage } from "../images/build.ts";
import { ensureImported } from "../images/import.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { addProcessMetrics } from "../lib/process-metrics.ts";
import { systemRandom } from "../lib/random.ts";
import { dnsConfigMap } from "../network/dns/name-servers.ts";
import { type NodeNetwork, openNodeNetwork } from "../network/node-network.ts";
import { type NodeAgent, openNodeAgent } from "../node/agent.ts";
import { nodeConfiguration } from "../node/configuration.ts";
import { cgroupMeter, relistMeter } from "../node/node-meters.ts";
import { machineCapacity, registerNode } from "../node/node-status.ts";
import { detectCgroups } from "../node/runtime/cgroup-hierarchy.ts";
import { Cgroups } from "../node/runtime/cgroups.ts";
import { openCriRuntime } from "../node/runtime/cri.ts";
import { diskLogFiles } from "../node/runtime/log-files.ts";
import type { DnsConfig } from "../node/runtime/sandbox.ts";
import { SimulatedRuntime } from "../node/runtime/simulated.ts";
import { diskLogSink } from "../node/runtime/simulated-logs.ts";
import { rangesIn } from "./address-ranges.ts";
import type { KeyPair } from "./certificates.ts";
import { privateContainerd } from "./containerd.ts";
import type { NodeCredentials } from "./credentials.ts";
import { collectAtRest, ownHeap } from "./heap-rest.ts";
import { imageCache } from "./images.ts";
import { withKubeletFile } from "./kubelet-flags.ts";
import { withLivePair } from "./live-credentials.ts";
import { nodeAddresses } from "./local-nodes.ts";
import type { NodeAccess } from "./node-access.ts";
import { openIngress } from "./node-ingress.ts";
import { cgroupName, cniFolder, networkStateFolder, podLogFolder } from "./node-places.ts";
import { type NodeSettings, nodeLabels, wayToOthers } from "./node-settings.ts";
import type { Role } from "./role-process.ts";
import { kubernetesVersion } from "./version.ts";

const patience = 60_000;

/** Runs a node in this process: containerd, the pod network, the service proxy, DNS and the agent. */
export async function startAgentRole(
  settings: NodeSettings,
  access: NodeAccess,
  log: Log,
  note: (text: string) => void,
): Promise<Role> {
  const clock = systemClock;
  const random = systemRandom;
  const metrics = new Metrics();
  addProcessMetrics(metrics, () => clock.now());
  const { credentials } = access;
  await using opened = new AsyncDisposableStack();
  opened.use(access);
  const heap = ownHeap();
  if (heap) opened.use(collectAtRest(heap, clock));
  const stopping = new AbortController();
  const { client, informers } = connect(settings, credentials, credentials.node, log, clock, opened);
  const labels = nodeLabels(settings);
  const kubelet = withKubeletFile(settings.kubeletFlags ?? {});
  if (kubelet.unused.length > 0)
    log.warn(`the kubelet's configuration file sets what has no effect here: ${kubelet.unused.join(", ")}`);
  const registered = registerNode({ client, nodeName: settings.name, labels, clock, log }, stopping.signal);
  const shared = {
    client,
    informers,
    clock,
    random,
    log,
    metrics,
    nodeName: settings.name,
    addresses: nodeAddresses(settings),
    kubeletPort: settings.kubeletPort,
    tls: withLivePair({ clientCa: credentials.ca }, () => credentials.kubeletServing),
    dataFolder: settings.folder,
    logRoot: podLogFolder(settings),
    logFiles: diskLogFiles(clock),
    clusterDomain: settings.clusterDomain,
    labels,
    version: kubernetesVersion,
    configuration: nodeConfiguration(kubelet.flags),
  };
  mkdirSync(shared.dataFolder, { recursive: true, mode: 0o711 });
  const capacity = machineCapacity(shared.dataFolder);

  if (settings.runtime === "simulated") {
    await registered;
    const runtime = opened.use(new SimulatedRuntime({ clock, random, logs: diskLogSink }));
    const agent = await openNodeAgent({
      ...shared,
      runtime,
      capacity,
      listenOn: ["127.0.0.1"],
      dnsFor: () => ({ servers: rangesIn(settings.dnsAddress), searches: [], options: [] }),
    });
    return roleOf(agent, opened.move());
  }

  note("containerd");
  const containerd = privateContainerd(settings, clock, log);
  const [, pause] = await Promise.all([
    containerd.start(),
    buildImage(pauseImage, { cacheDir: imageCache(process.env) }),
  ]);
  opened.use(containerd);
  await ensureImported({ address: containerd.endpoint }, pause);
  note("network");
  const proxyAccess = connect(settings, credentials, credentials.proxy, log, clock, opened);
  const dnsAccess = connect(settings, credentials, credentials.dns, log, clock, opened);
  await registered;
  const podCIDRs = await assignedRanges(informers, settings, clock);
  const network = await openNetwork(
    settings,
    podCIDRs,
    informers,
    { proxy: proxyAccess.informers, dns: dnsAccess.informers },
    { clock, random, log, metrics },
  );
  if (settings.ingress) {
    const { client } = connect(settings, credentials, credentials.ingress, log, clock, opened);
    const { informers: known } = proxyAccess;
    const shared = { services: known.of(Service), endpointSlices: known.of(EndpointSlice) };
    opened.use(openIngress(settings.ingress, settings, client, shared, { clock, random, log, metrics }));
  }
  note("agent");
  const onRelist = relistMeter(metrics, () => clock.now());
  const runtime = opened.use(openCriRuntime({ endpoint: containerd.endpoint, clock, log, onRelist }));
  const onDone = cgroupMeter(metrics);
  const cgroups = new Cgroups({ hierarchy: await detectCgroups(), clock, name: cgroupName(settings), onDone });
  const agent = await openNodeAgent({
    ...shared,
    runtime,
    cgroups,
    capacity,
    listenOn: ["127.0.0.1", ...nodeAddresses(settings)],
    dnsFor: (pod) => dnsConfigOf(network, pod),
  });
  const rest = opened.move();
  return {
    prepareForSignal: () => agent.endPods(),
    async stop(clean) {
      if (!clean) {
        // Containers go on; the next start takes them over. The network stays for them as it is.
        await agent[Symbol.asyncDispose]();
        await rest.disposeAsync();
        return;
      }
      // Each step is taken whatever became of those before it.
      await using steps = new AsyncDisposableStack();
      steps.use(rest);
      steps.defer(() => containerd.stop());
      steps.use(network);
      steps.defer(() => agent.shutDown());
    },
  };
}

function roleOf(agent: NodeAgent, rest: AsyncDisposableStack): Role {
  return {
    prepareForSignal: () => agent.endPods(),
    async stop(clean) {
      if (clean) await agent.shutDown();
      else await agent[Symbol.asyncDispose]();
      await rest.disposeAsync();
    },
  };
}

function connect(
  { server }: NodeSettings,
  { ca }: NodeCredentials,
  pair: KeyPair,
  log: Log,
  clock: Clock,
  opened: AsyncDisposableStack,
): { readonly client: Client; readonly informers: Informers } {
  const transport = opened.use(httpTransport(withLivePair({ server, ca, userAgent: "navarch-agent" }, () => pair)));
  const client = createClient(transport, { fieldManager: "kubelet" });
  return { client, informers: opened.use(createInformers({ client, clock, random: systemRandom, log })) };
}

/** The pod ranges that the control plane gives the node. */
async function assignedRanges(
  informers: Informers,
  { name: nodeName }: NodeSettings,
  clock: Clock,
): Promise<readonly string[]> {
  const nodes = informers.of(Node, { fieldSelector: `metadata.name=${nodeName}` });
  await nodes.synced();
  const deadline = clock.monotonic() + patience;
  while (clock.monotonic() < deadline) {
    const ranges = nodes.get({ name: nodeName })?.spec.podCIDRs ?? [];
    if (ranges.length > 0) return ranges;
    await clock.sleep(20);
  }
  throw new Fault(
    "timeout",
    `node ${nodeName} was given no pod range within ${patience / 1000} s; see the control plane's log`,
  );
}

interface Tools {
  readonly clock: Clock;
  readonly random: typeof systemRandom;
  readonly log: Log;
  readonly metrics: Metrics;
}

async function openNetwork(
  settings: NodeSettings,
  podCIDRs: readonly string[],
  own: Informers,
  others: { readonly proxy: Informers; readonly dns: Informers },
  tools: Tools,
): Promise<NodeNetwork> {
  return await openNodeNetwork({
    ...tools,
    name: settings.title,
    nodeName: settings.name,
    ...(settings.zone ? { zone: settings.zone } : {}),
    podCIDRs,
    clusterCIDRs: rangesIn(settings.podRange),
    serviceCIDRs: rangesIn(settings.serviceRange),
    clusterDNS: rangesIn(settings.dnsAddress),
    clusterDomain: settings.clusterDomain,
    nodeToNode: wayToOthers(settings),
    nodePortRanges: settings.nodePortRanges,
    stateDir: networkStateFolder(settings),
    cniConfDir: cniFolder(settings),
    feeds: {
      services: others.proxy.of(Service),
      endpointSlices: others.proxy.of(EndpointSlice),
      pods: own.of(Pod, { fieldSelector: `spec.nodeName=${settings.name}` }),
      allPods: others.dns.of(Pod),
      namespaces: others.dns.of(Namespace),
      networkPolicies: others.dns.of(NetworkPolicy),
      dnsConfig: others.dns.of(ConfigMap, {
        namespace: dnsConfigMap.namespace,
        fieldSelector: `metadata.name=${dnsConfigMap.name}`,
      }),
      // A node sees only itself, the proxy sees all.
      ...(settings.backend ? { nodes: others.proxy.of(Node) } : {}),
    },
  });
}

function dnsConfigOf(network: NodeNetwork, pod: Pod): DnsConfig {
  const { config } = network.resolvConf(pod);
  return { servers: config.nameservers, searches: config.searches, options: config.options };
}
