import { mkdirSync } from "node:fs";
import { Namespace } from "../api/core/namespace.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { Service } from "../api/core/service.ts";
import { EndpointSlice } from "../api/discovery/endpoint-slice.ts";
import { createClient } from "../client/api-client.ts";
import type { Client, Informers } from "../client/client.ts";
import { httpTransport } from "../client/http-transport.ts";
import { createInformers } from "../client/informer.ts";
import { buildImage, pauseImage } from "../images/build.ts";
import { ensureImported } from "../images/import.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { systemRandom } from "../lib/random.ts";
import { type NodeNetwork, openNodeNetwork } from "../network/node-network.ts";
import { type NodeAgent, openNodeAgent } from "../node/agent.ts";
import { machineCapacity, registerNode } from "../node/node-status.ts";
import { detectCgroups } from "../node/runtime/cgroup-hierarchy.ts";
import { Cgroups } from "../node/runtime/cgroups.ts";
import { openCriRuntime } from "../node/runtime/cri.ts";
import { diskLogFiles } from "../node/runtime/log-files.ts";
import type { DnsConfig } from "../node/runtime/sandbox.ts";
import { SimulatedRuntime } from "../node/runtime/simulated.ts";
import { diskLogSink } from "../node/runtime/simulated-logs.ts";
import type { KeyPair } from "./certificates.ts";
import type { ClusterConfig } from "./config.ts";
import { privateContainerd } from "./containerd.ts";
import { type Credentials, ensureCredentials } from "./credentials.ts";
import { imageCache } from "./images.ts";
import { followCredentials, liveCredentials, withLivePair } from "./live-credentials.ts";
import { cgroupName, cniFolder, networkStateFolder, nodeFolder, podLogFolder } from "./node-places.ts";
import type { Role } from "./role-process.ts";
import { kubernetesVersion } from "./version.ts";

const patience = 60_000;

/** Runs the node in this process: containerd, the pod network, the service proxy, DNS and the agent. */
export async function startAgentRole(config: ClusterConfig, log: Log, note: (text: string) => void): Promise<Role> {
  const clock = systemClock;
  const random = systemRandom;
  const metrics = new Metrics();
  const live = liveCredentials(await ensureCredentials(config, { clock, random }));
  const { credentials } = live;
  await using opened = new AsyncDisposableStack();
  // It is the control plane that renews; here is read what it has written, and written only when it is a day late.
  opened.use(followCredentials(live, config, { clock, random, log, renewWithin: 29 * 86_400_000 }));
  const stopping = new AbortController();
  const { client, informers } = connect(config, credentials, credentials.node, log, clock, opened);
  const labels = nodeLabels(config);
  const registered = registerNode({ client, nodeName: config.nodeName, labels, clock, log }, stopping.signal);
  const shared = {
    client,
    informers,
    clock,
    random,
    log,
    metrics,
    nodeName: config.nodeName,
    address: config.nodeAddress,
    kubeletPort: config.kubeletPort,
    tls: withLivePair({ clientCa: credentials.ca }, () => credentials.kubeletServing),
    dataFolder: nodeFolder(config),
    logRoot: podLogFolder(config),
    logFiles: diskLogFiles(clock),
    clusterDomain: config.clusterDomain,
    labels,
    version: kubernetesVersion,
  };
  mkdirSync(shared.dataFolder, { recursive: true, mode: 0o711 });
  const capacity = machineCapacity(shared.dataFolder);

  if (config.runtime === "simulated") {
    await registered;
    const runtime = opened.use(new SimulatedRuntime({ clock, random, logs: diskLogSink }));
    const agent = await openNodeAgent({
      ...shared,
      runtime,
      capacity,
      listenOn: ["127.0.0.1"],
      dnsFor: () => ({ servers: [config.dnsAddress], searches: [], options: [] }),
    });
    return roleOf(agent, opened.move());
  }

  note("containerd");
  const containerd = privateContainerd(config, clock, log);
  const [, pause] = await Promise.all([
    containerd.start(),
    buildImage(pauseImage, { cacheDir: imageCache(process.env) }),
  ]);
  opened.use(containerd);
  await ensureImported({ address: containerd.endpoint }, pause);
  note("network");
  const proxyAccess = connect(config, credentials, credentials.proxy, log, clock, opened);
  const dnsAccess = connect(config, credentials, credentials.dns, log, clock, opened);
  await registered;
  const podCidr = await assignedRange(informers, config.nodeName, clock);
  const network = await openNetwork(
    config,
    podCidr,
    informers,
    { proxy: proxyAccess.informers, dns: dnsAccess.informers },
    { clock, random, log, metrics },
  );
  await ensureDnsService(credentials, config, log, clock);
  note("agent");
  const runtime = opened.use(openCriRuntime({ endpoint: containerd.endpoint, clock, log }));
  const cgroups = new Cgroups({ hierarchy: await detectCgroups(), clock, name: cgroupName(config) });
  const agent = await openNodeAgent({
    ...shared,
    runtime,
    cgroups,
    capacity,
    listenOn: ["127.0.0.1", config.nodeAddress],
    dnsFor: (pod) => dnsConfigOf(network, pod),
  });
  const rest = opened.move();
  return {
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
    async stop(clean) {
      if (clean) await agent.shutDown();
      else await agent[Symbol.asyncDispose]();
      await rest.disposeAsync();
    },
  };
}

function connect(
  config: ClusterConfig,
  { ca }: Credentials,
  pair: KeyPair,
  log: Log,
  clock: Clock,
  opened: AsyncDisposableStack,
): { readonly client: Client; readonly informers: Informers } {
  const transport = opened.use(
    httpTransport(
      withLivePair({ server: `https://127.0.0.1:${config.apiPort}`, ca, userAgent: "navarch-agent" }, () => pair),
    ),
  );
  const client = createClient(transport, { fieldManager: "kubelet" });
  return { client, informers: opened.use(createInformers({ client, clock, random: systemRandom, log })) };
}

function nodeLabels(config: ClusterConfig): Readonly<Record<string, string>> {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  return {
    "beta.kubernetes.io/arch": arch,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": arch,
    "kubernetes.io/os": "linux",
    "kubernetes.io/hostname": config.nodeName,
  };
}

/** The pod range that the control plane gives the node. */
async function assignedRange(informers: Informers, nodeName: string, clock: Clock): Promise<string> {
  const nodes = informers.of(Node, { fieldSelector: `metadata.name=${nodeName}` });
  await nodes.synced();
  const deadline = clock.monotonic() + patience;
  while (clock.monotonic() < deadline) {
    const range = nodes.get({ name: nodeName })?.spec.podCIDR;
    if (range) return range;
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
  config: ClusterConfig,
  podCidr: string,
  own: Informers,
  others: { readonly proxy: Informers; readonly dns: Informers },
  tools: Tools,
): Promise<NodeNetwork> {
  return await openNodeNetwork({
    ...tools,
    name: config.name,
    nodeName: config.nodeName,
    podCIDRs: [podCidr],
    clusterCIDRs: [config.podRange],
    serviceCIDRs: [config.serviceRange],
    clusterDNS: [config.dnsAddress],
    clusterDomain: config.clusterDomain,
    nodeToNode: { kind: "none" },
    // Node ports answer at loopback and at addresses of our own, not at whatever else the machine is reached by.
    nodePortRanges: ["127.0.0.0/8", config.nodeRange, config.podRange],
    stateDir: networkStateFolder(config),
    cniConfDir: cniFolder(config),
    feeds: {
      services: others.proxy.of(Service),
      endpointSlices: others.proxy.of(EndpointSlice),
      pods: own.of(Pod, { fieldSelector: `spec.nodeName=${config.nodeName}` }),
      allPods: others.dns.of(Pod),
      namespaces: others.dns.of(Namespace),
    },
  });
}

function dnsConfigOf(network: NodeNetwork, pod: Pod): DnsConfig {
  const { config } = network.resolvConf(pod);
  return { servers: config.nameservers, searches: config.searches, options: config.options };
}

/** The Service that people know cluster DNS by. The node itself answers on its address; no endpoint stands behind it. */
async function ensureDnsService(
  credentials: Credentials,
  config: ClusterConfig,
  log: Log,
  clock: Clock,
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const { client } = connect(config, credentials, credentials.admin, log, clock, opened);
  const name = "kube-dns";
  const labels = { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" };
  try {
    await client.create(Service, {
      metadata: { namespace: "kube-system", name, labels },
      spec: {
        clusterIP: config.dnsAddress,
        ports: [
          { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
          { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
        ],
      },
    });
  } catch (error) {
    if (!errorMessage(error).includes("already exists") && !errorMessage(error).includes("already allocated"))
      throw error;
  }
}
