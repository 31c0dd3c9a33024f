import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Kind } from "../api/kind.ts";
import { kinds as allKinds } from "../api/kinds.ts";
import { type ApiSwitches, isGateOn, lookupFor, servedKinds } from "../api/optional-kinds.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { Registry } from "../registry/registry.ts";
import type { Store } from "../store/store.ts";
import { type HttpServer, openHttpServer } from "../wire/http-server.ts";
import { AdmissionChain } from "./admission/admission.ts";
import type { AdmissionSettings } from "./admission/admission-settings.ts";
import { admissionPlugins } from "./admission/plugins.ts";
import { PolicyTypeChecker } from "./admission/policies/type-checker.ts";
import { Aggregator } from "./aggregation/aggregator.ts";
import { MergedOpenApi } from "./aggregation/merged-openapi.ts";
import type { ProxyClient } from "./aggregation/remote-server.ts";
import { type AuditOptions, Auditor } from "./audit/auditor.ts";
import { bodyReader } from "./audit/request-body.ts";
import type { JwtIssuer } from "./authentication/oidc.ts";
import { type AuthenticationOptions, openAuthenticator } from "./authentication/open-authenticator.ts";
import { type ServiceAccountOptions, ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import { AuthorizerChain } from "./authorization/authorizer.ts";
import { NodeAuthorizer } from "./authorization/node-authorizer.ts";
import { type AuthorizerChoice, openAuthorizers, usualAuthorizers } from "./authorization/open-authorizers.ts";
import { RbacAuthorizer } from "./authorization/rbac.ts";
import { type BootstrapOptions, bootstrap } from "./bootstrap/bootstrap.ts";
import type { ExplainPod, Services } from "./call.ts";
import { CustomResources } from "./custom-resources/custom-resources.ts";
import { definitionStrategy } from "./custom-resources/definition-strategy.ts";
import { ThirdPartyResources } from "./custom-resources/third-party-resources.ts";
import { Catalog } from "./discovery/catalog.ts";
import { Discovery } from "./discovery/documents.ts";
import type { ServerRequest, ServerResponse } from "./exchange.ts";
import { bootstrapFlowControl } from "./flow-control/bootstrap-flow-control.ts";
import { flowDumps } from "./flow-control/dumps.ts";
import { FlowControl } from "./flow-control/flow-control.ts";
import { Health } from "./health.ts";
import { type Origin, serveHttp, upgradeRequest } from "./http-front.ts";
import { addObjectMetrics } from "./object-metrics.ts";
import { OpenApi } from "./openapi/openapi.ts";
import { type PathHandler, PathRouter } from "./paths.ts";
import { Pipeline } from "./pipeline.ts";
import { RequestMetrics } from "./request-metrics.ts";
import type { ComputedKind } from "./resources/computed.ts";
import { type KubeletOptions, NodeDialer } from "./subresources/node-dialer.ts";
import { together } from "./together.ts";
import { registryServices } from "./webhooks/service-resolver.ts";
import { httpsCaller } from "./webhooks/webhook-caller.ts";

export { parseTokenFile } from "./authentication/token-file.ts";

export interface ServerOptions extends BootstrapOptions {
  /** Stays the caller's to close, after the server. */
  readonly store: Store;
  /** Default: every kind of `api/kinds.ts`. */
  readonly kinds?: readonly Kind[];
  /** What is served and done beside or instead of the usual, as `--feature-gates` and `--runtime-config`. */
  readonly switches?: ApiSwitches;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly authentication?: AuthenticationOptions;
  /** Who is asked whether a request may be, in this order. Default: the node authorizer and RBAC. */
  readonly authorization?: readonly AuthorizerChoice[];
  readonly serviceAccounts: ServiceAccountOptions;
  /** Milliseconds between compactions of the store's history. Default five minutes; 0 leaves it to others. */
  readonly compactionInterval?: number;
  /** The block that cluster addresses come from, or one of each family with a comma between. Default `10.96.0.0/16`. */
  readonly serviceRange?: string;
  /** Default 30000 to 32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number };
  /** Kinds beside those that are stored, whose objects are made when somebody looks. Default none. */
  readonly computed?: readonly ComputedKind[];
  /** How nodes are called. */
  readonly kubelet?: KubeletOptions;
  /** What is written down of requests; its back ends are closed with the server. Default nothing. */
  readonly audit?: AuditOptions;
  /** How aggregated servers know this one, as `--proxy-client-cert-file`. */
  readonly proxyClient?: ProxyClient;
  /** Requests worked on at a time, as `--max-requests-inflight` and `--max-mutating-requests-inflight`. Default 400 and 200. */
  readonly inflight?: { readonly reading?: number; readonly mutating?: number };
  /** Milliseconds that an answer may take, as `--request-timeout`. Default a minute. */
  readonly requestTimeout?: number;
  /** `--strict-transport-security-directives`, joined. Default none. */
  readonly transportSecurity?: string;
  /** Which admission plugins run and how. Default: upstream's. */
  readonly admission?: AdmissionSettings;
  /** Answers a pod's `why`: the scheduler, which this server knows nothing of. Default: there is no such subresource. */
  readonly explainPod?: ExplainPod;
  /** Paths beside those of every API server, each with who answers it; they are authorized as all others. */
  readonly paths?: Readonly<Record<string, PathHandler>>;
  /** Freezes every object that is held, so that whoever changes a shared one fails: for tests. */
  readonly freeze?: boolean;
}

export interface ListenOptions {
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: { readonly key: string; readonly cert: string; readonly clientCa?: string | readonly string[] };
}

/** A running API server. */
export interface ApiServer {
  readonly registry: Registry;
  /** Answers one call. Never throws. */
  handle(request: ServerRequest): Promise<ServerResponse>;
  /** Takes over a connection that asked for an upgrade. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, origin?: Origin): void;
  /**
   * Believes these issuers of OpenID Connect in the place of those before, once all of them have told their keys. Throws
   * Fault `invalid` and `unavailable`, and keeps those before.
   */
  useIssuers(issuers: readonly JwtIssuer[]): Promise<void>;
  /** Asks these in the place of those before. Throws Fault `invalid`, and keeps those. */
  useAuthorizers(choices: readonly AuthorizerChoice[]): void;
  /** Serves HTTP on a port until the listener is disposed. Throws Fault `in-use`, `invalid`. */
  listen(options: ListenOptions): Promise<HttpServer>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens an API server over a store: reads what it must know, makes what every cluster has, and is ready. */
export async function openServer(options: ServerOptions): Promise<ApiServer> {
  const { store, clock, random, log, metrics, computed = [] } = options;
  const { switches = {} } = options;
  const kinds = [...servedKinds(options.kinds ?? allKinds, switches), ...computed.map(({ kind }) => kind)];
  const isServed = (name: string) => kinds.some(({ kind }) => kind === name);
  await using opened = new AsyncDisposableStack();
  const registry = opened.use(
    new Registry({
      store,
      clock,
      random,
      log,
      kinds,
      lookup: lookupFor(switches),
      strategies: { "customresourcedefinitions.apiextensions.k8s.io": definitionStrategy },
      freeze: options.freeze ?? false,
      ...(options.compactionInterval === undefined ? {} : { compactionInterval: options.compactionInterval }),
      services: {
        addresses: options.serviceRange ?? "10.96.0.0/16",
        nodePorts: options.nodePortRange ?? { from: 30000, to: 32767 },
      },
    }),
  );
  const accounts = new ServiceAccountTokens(options.serviceAccounts, registry);
  const rbac = opened.use(new RbacAuthorizer(registry));
  const nodeAuthorizer = opened.use(new NodeAuthorizer(registry));
  const nodes = opened.use(new NodeDialer(registry, options.kubelet));
  const caller = opened.use(httpsCaller(clock));
  const authorizersOf = (choices: readonly AuthorizerChoice[]) =>
    openAuthorizers(choices, { node: nodeAuthorizer, rbac, caller, clock, log });
  const authorizer = new AuthorizerChain(authorizersOf(options.authorization ?? usualAuthorizers));
  const clientCa = options.clientCa ? [options.clientCa] : [];
  const authenticationParts = { registry, accounts, caller, log, clientCa };
  const { authenticator, useIssuers } = openAuthenticator(options.authentication ?? {}, authenticationParts);
  const admission = opened.use(
    new AdmissionChain(
      admissionPlugins({
        registry,
        rbac,
        authorizer,
        webhooks: caller,
        clock,
        metrics,
        settings: options.admission ?? {},
        mutatingPolicies: isGateOn(switches, "MutatingAdmissionPolicy") && isServed("MutatingAdmissionPolicy"),
      }),
    ),
  );
  const services: Services = {
    registry,
    clock,
    log,
    authenticator,
    accounts,
    authorizer,
    rbac,
    admission,
    nodes,
    computed: new Map(computed.map((one) => [`${one.kind.group}/${one.kind.plural}`, one])),
    explainPod: options.explainPod,
  };
  await registry.start();
  await bootstrap(registry, { ...options, trustBundles: isServed("ClusterTrustBundle") });
  await bootstrapFlowControl(registry);
  const { reading = 400, mutating = 200 } = options.inflight ?? {};
  const flow = opened.use(new FlowControl({ registry, clock, log, metrics, seats: reading + mutating }));
  await flow.start();
  await Promise.all([accounts.start(), rbac.start(), nodeAuthorizer.start(), admission.start()]);
  await rbac.current();
  const customResources = opened.use(
    new CustomResources({ registry, log, caller, services: registryServices(registry) }),
  );
  await customResources.start();
  const thirdPartyResources = opened.use(new ThirdPartyResources(registry, log));
  await thirdPartyResources.start();

  const policyTypes = opened.use(new PolicyTypeChecker(registry, log));
  await policyTypes.start();

  const address = () => (options.advertise ? `${options.advertise.address}:${options.advertise.port}` : "");
  const catalog = new Catalog(registry);
  const aggregator = opened.use(
    new Aggregator({
      registry,
      catalog,
      services: registryServices(registry),
      clock,
      log,
      metrics,
      builtIn: new Set(kinds.flatMap((kind) => [kind.apiVersion, ...Object.keys(kind.declaration.versions ?? {})])),
      ...(options.proxyClient ? { client: options.proxyClient } : {}),
      ...(options.authentication?.frontProxy ? { frontProxy: options.authentication.frontProxy } : {}),
    }),
  );
  await aggregator.start();
  const paths = new PathRouter({
    catalog,
    discovery: new Discovery(catalog, address, aggregator),
    health: new Health({
      live: liveChecks(store),
      ready: [
        { name: "informer-sync", run: () => {} },
        { name: "shutdown", run: () => {} },
      ],
    }),
    metrics,
    openapi: new MergedOpenApi(new OpenApi(registry, catalog, () => options.clock.now()), aggregator),
    accounts,
    address,
    ...(options.paths ? { others: options.paths } : {}),
    unlisted: flowDumps(flow),
  });
  const auditor =
    options.audit && opened.use(new Auditor({ ...options.audit, clock, log, metrics, decode: bodyReader(registry) }));
  addObjectMetrics(metrics, registry);
  const pipeline = new Pipeline({
    services,
    ...(auditor ? { auditor } : {}),
    paths,
    metrics: new RequestMetrics(metrics, clock),
    aggregator,
    flow,
    ...(options.requestTimeout === undefined ? {} : { requestTimeout: options.requestTimeout }),
    ...(options.transportSecurity ? { transportSecurity: options.transportSecurity } : {}),
  });
  const handle = (request: ServerRequest) => pipeline.handle(request);
  const handleUpgrade: ApiServer["handleUpgrade"] = (message, socket, head, origin = {}) => {
    pipeline.upgrade(upgradeRequest(message, origin), message, socket, head).catch((error: unknown) => {
      log.error("an upgraded connection failed", { error });
      socket.destroy();
    });
  };

  const running = opened.move();
  return {
    registry,
    handle,
    handleUpgrade,
    useIssuers,
    useAuthorizers: (choices) => authorizer.use(authorizersOf(choices)),
    listen: ({ tls, ...listening }) => {
      if (tls?.clientCa) authenticator.trustClients([tls.clientCa].flat());
      return openHttpServer({
        ...listening,
        ...(tls ? { tls: Object.create(tls, { clientCa: { value: authenticator.authorities } }) } : {}),
        handle: serveHttp((request) => together().then(() => handle(request))),
        upgrade: (message, socket, head, { shown }) =>
          handleUpgrade(message, socket, head, shown ? { certificate: shown } : {}),
        onFault: (error) => log.debug("a connection failed", { error }),
      });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function liveChecks(store: Store): ConstructorParameters<typeof Health>[0]["live"] {
  return [
    { name: "ping", run: () => {} },
    { name: "log", run: () => {} },
    {
      name: "etcd", // what dashboards know the store by
      run: async () => {
        await store.revision();
      },
    },
  ];
}
