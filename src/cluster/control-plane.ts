import { hostname } from "node:os";
import { createClient } from "../client/api-client.ts";
import type { Client } from "../client/client.ts";
import { createEventRecorder } from "../client/event-recorder.ts";
import { createInformers } from "../client/informer.ts";
import { type Lead, type Term, usualElectionTimes, whileHeld } from "../client/leader-election.ts";
import { allControllers } from "../controllers/all.ts";
import { runControllers } from "../controllers/framework/run.ts";
import { slimCopy } from "../controllers/framework/slim-copies.ts";
import { ResourceFigures } from "../controllers/metrics-server/figures.ts";
import { type MetricsServerOptions, metricsServer } from "../controllers/metrics-server/metrics-server.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { type Random, uuid } from "../lib/random.ts";
import { SimulatedNodes } from "../node/simulated-nodes/simulated-nodes.ts";
import { openScheduler, type Scheduler } from "../scheduler/scheduler.ts";
import { type ApiServer, openServer, type ServerOptions } from "../server/api-server.ts";
import { TokenSigner } from "../server/authentication/json-web-token.ts";
import { legacyClaims } from "../server/authentication/legacy-tokens.ts";
import type { UserInfo } from "../server/exchange.ts";
import type { Store } from "../store/store.ts";
import { followAccessFiles } from "./access-files.ts";
import { addOns, ensureAddOns } from "./add-ons.ts";
import { rangesIn } from "./address-ranges.ts";
import { admissionFromFlags } from "./admission-flags.ts";
import { authenticationFromFlags, authorizationFromFlags, serviceAccountsFromFlags } from "./api-server-flags.ts";
import { switchesFromFlags } from "./api-switch-flags.ts";
import { openSigner } from "./certificates.ts";
import { clusterInfoPath, publishClusterInfo } from "./cluster-info.ts";
import { type ClusterConfig, subnetSizes } from "./config.ts";
import { loadBalancerPoolFromFlags, nodeMonitorFromFlags } from "./controller-flags.ts";
import { type Credentials, frontProxyName } from "./credentials.ts";
import { ensureDnsService } from "./dns-service.ts";
import { type ControlPlaneElection, runLed } from "./election.ts";
import { frontProxyFromFlags } from "./front-proxy-flags.ts";
import { inProcessTransport, serviceAccountIdentity } from "./in-process-transport.ts";
import { ensureJoinRights } from "./join-rights.ts";
import { withLivePair } from "./live-credentials.ts";
import { localNodes, nodeAddresses } from "./local-nodes.ts";
import { callNode, nodeFolders } from "./node-calls.ts";
import { reservedRanges, sharedSettings } from "./node-settings.ts";
import { publishNodeSettings } from "./nodes-config-map.ts";
import { protectionFromFlags } from "./protection-flags.ts";
import { resourceMetricsKinds } from "./resource-metrics.ts";
import type { SchedulerWishes } from "./scheduler-files.ts";
import { servingApprovalController } from "./serving-approval.ts";
import { kubernetesVersion } from "./version.ts";

export interface ControlPlaneOptions {
  readonly config: ClusterConfig;
  readonly credentials: Credentials;
  /** Stays the caller's to close. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: new ones. */
  readonly metrics?: Metrics;
  /** What the scheduler is told to do other than by default. */
  readonly scheduling?: SchedulerWishes;
  /** When its loops act; by default while it holds their leases, under a name of its own. */
  readonly election?: ControlPlaneElection;
  /** Paths that the API server has beside the usual ones. */
  readonly paths?: ServerOptions["paths"];
}

/** The API server, the controllers and the scheduler, running; disposing ends them in the opposite order. */
export interface ControlPlane extends AsyncDisposable {
  readonly server: ApiServer;
  /** A client of this process under any identity. */
  clientFor(identity: UserInfo): Client;
}

/** Starts a control plane on a store. It answers calls in the process at once; `server.listen` opens it to others. */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { config, credentials, store, clock, random, log } = options;
  await using opened = new AsyncDisposableStack();
  const { metrics = new Metrics() } = options;
  const flags = config.apiServerFlags ?? {};
  const authorization = authorizationFromFlags(flags);
  const { frontProxy, proxyClient } = frontProxyFromFlags(flags, {
    ca: credentials.frontProxyCa,
    name: frontProxyName,
    client: credentials.frontProxyClient,
  });
  const wanted = addOns.filter((name) => !config.disabledAddOns?.includes(name));
  const figures = wanted.includes("metrics-server") ? new ResourceFigures() : undefined;
  let scheduler: Scheduler | undefined;
  const server = await openServer({
    store,
    clock,
    random,
    log: log.child({ part: "apiserver" }),
    metrics,
    authentication: {
      anonymous: { paths: ["/healthz", "/livez", "/readyz", clusterInfoPath] },
      bootstrapTokens: true,
      frontProxy,
      ...authenticationFromFlags(flags),
    },
    ...(authorization ? { authorization } : {}),
    switches: switchesFromFlags(flags),
    admission: admissionFromFlags(flags),
    serviceAccounts: serviceAccountsFromFlags(flags, {
      issuer: `https://kubernetes.default.svc.${config.clusterDomain}`,
      privateKey: credentials.serviceAccountKey,
    }),
    serviceRange: config.serviceRange,
    advertise: { address: config.nodeAddress, port: config.apiPort },
    kubelet: withLivePair({ ca: credentials.ca, ...nodeHosts(config) }, () => credentials.kubeletClient),
    clientCa: credentials.ca,
    proxyClient,
    ...(options.paths ? { paths: options.paths } : {}),
    explainPod: (pod) => scheduler?.why(pod),
    ...(figures ? { computed: resourceMetricsKinds(figures) } : {}),
    ...protectionFromFlags(flags, { clock, log, metrics }),
  });
  opened.use(server);
  opened.use(followAccessFiles(flags, server, { clock, log, metrics }));

  const clientFor = (identity: UserInfo) =>
    createClient(inProcessTransport(server, identity), { fieldManager: managerOf(identity) });
  await ensureJoinRights(clientFor({ name: "system:apiserver", groups: ["system:masters"] }));
  const managerIdentity: UserInfo = { name: "system:kube-controller-manager", groups: [] };
  const schedulerIdentity: UserInfo = { name: "system:kube-scheduler", groups: [] };
  const adding = clientFor({ name: "navarch:add-ons", groups: ["system:masters"] });
  await ensureAddOns(adding, wanted);
  if (config.runtime === "cri") await ensureDnsService(adding, rangesIn(config.dnsAddress));
  await Promise.all([
    publishNodeSettings(adding, sharedSettings(config)),
    publishClusterInfo(adding, { server: `https://${config.nodeAddress}:${config.apiPort}`, ca: credentials.ca }),
  ]);
  const tokens = new TokenSigner({ privateKey: credentials.serviceAccountKey });
  const { times, identity = `${hostname()}_${uuid(random)}` } = options.election ?? { times: usualElectionTimes };
  const elect = (name: string, user: UserInfo, component: string, lead: Lead) => {
    const client = clientFor(user);
    const events = createEventRecorder({ client, clock, random, log, source: { component } });
    const lease = { namespace: "kube-system", name };
    const part = { client, clock, random, log: log.child({ part: name }), metrics, events, lease, identity };
    return runLed(part, times, lead);
  };
  const during = (term: Term) => (user: UserInfo) =>
    createClient(whileHeld(inProcessTransport(server, user), term), { fieldManager: managerOf(user) });

  if (figures) {
    // What nodes use is kept in memory, so every control plane looks by itself.
    const manager = clientFor(managerIdentity);
    const informers = opened.use(createInformers({ client: manager, clock, random, log }));
    const scraping = metricsServer({ figures, scrape: nodeScraper(server) });
    opened.use(
      runControllers([scraping], { clientFor: asAccount(clientFor), manager, informers, clock, random, log, metrics }),
    );
  }
  opened.use(
    await elect("kube-controller-manager", managerIdentity, "kube-controller-manager", async (term, work) => {
      const clientOf = during(term);
      const manager = clientOf(managerIdentity);
      const informers = work.use(createInformers({ client: manager, clock, random, log, slim: slimCopy }));
      const folders = whileHeld(inProcessTransport(server, serviceAccountIdentity("local-path-provisioner")), term);
      const controllers = allControllers({
        rootCa: credentials.ca,
        switches: switchesFromFlags(flags),
        trustBundles: server.registry.find("certificates.k8s.io/v1beta1", "clustertrustbundles") !== undefined,
        signer: openSigner(credentials.authority, { clock, random }),
        secretToken: (namespace, secret, account) => tokens.sign(legacyClaims(namespace, secret, account)),
        nodeRanges: { podRange: config.podRange, sizes: subnetSizes(config) },
        nodeAddresses: nodeAddresses(localNodes(config)[0]),
        loadBalancerPool: loadBalancerPoolFromFlags(config.controllerFlags ?? {}),
        nodeMonitor: nodeMonitorFromFlags(config.controllerFlags ?? {}),
        ingress: wanted.includes("ingress"),
        ...(wanted.includes("local-path") ? { nodeFolders: nodeFolders(folders) } : {}),
      });
      const all = [...controllers, servingApprovalController(reservedRanges(config))];
      work.use(
        runControllers(all, { clientFor: asAccount(clientOf), manager, informers, clock, random, log, metrics }),
      );
    }),
  );
  opened.use(
    await elect("kube-scheduler", schedulerIdentity, "default-scheduler", async (term, work) => {
      const clientOf = during(term);
      const client = clientOf(schedulerIdentity);
      const informers = work.use(createInformers({ client, clock, random, log }));
      const part = { client, informers, clock, random, log: log.child({ part: "scheduler" }), metrics };
      work.defer(() => {
        scheduler = undefined;
      });
      scheduler = work.use(await openScheduler({ ...part, ...options.scheduling }));
      work.use(
        new SimulatedNodes({
          informers,
          clientFor: (node) => clientOf({ name: `system:node:${node}`, groups: ["system:nodes"] }),
          clock,
          random,
          log: log.child({ part: "simulated-nodes" }),
          stagesFrom: work.use(createInformers({ client: clientOf(managerIdentity), clock, random, log })),
          version: kubernetesVersion,
        }),
      );
    }),
  );

  const running = opened.move();
  return { server, clientFor, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Reads what a node says of its resources, as the metrics server. */
function nodeScraper(server: ApiServer): MetricsServerOptions["scrape"] {
  const transport = inProcessTransport(server, serviceAccountIdentity("metrics-server"));
  return (node, signal) => callNode(transport, "GET", node, "metrics/resource", signal);
}

const asAccount = (clientFor: (identity: UserInfo) => Client) => (serviceAccount: string) =>
  clientFor(serviceAccountIdentity(serviceAccount));

/** What managedFields call a component: upstream's program names. */
/** The agent of a simulated runtime listens on loopback alone: there is no interface with the node's address. */
const nodeHosts = ({ runtime, nodeName, kubeletPort }: ClusterConfig) =>
  runtime === "simulated" ? { hosts: { [nodeName]: { host: "127.0.0.1", port: kubeletPort } } } : {};

function managerOf({ name }: UserInfo): string {
  if (name.startsWith("system:serviceaccount:")) return "kube-controller-manager";
  return name.replace(/^system:/, "");
}
