import { generateKeyPairSync } from "node:crypto";
import { createClient } from "../client/api-client.ts";
import type { Client, Informers } from "../client/client.ts";
import { createInformers } from "../client/informer.ts";
import { type KeyPair, openSigner } from "../cluster/certificates.ts";
import { inProcessTransport, serviceAccountIdentity } from "../cluster/in-process-transport.ts";
import { kubernetesVersion } from "../cluster/version.ts";
import { allControllers, type ControllerSettings } from "../controllers/all.ts";
import type { ControllerDefinition, LoopDefinition } from "../controllers/framework/controller.ts";
import { runControllers } from "../controllers/framework/run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { SimulatedNodes } from "../node/simulated-nodes/simulated-nodes.ts";
import { openScheduler } from "../scheduler/scheduler.ts";
import { type ApiServer, openServer, type ServerOptions } from "../server/api-server.ts";
import { TokenSigner } from "../server/authentication/json-web-token.ts";
import { legacyClaims } from "../server/authentication/legacy-tokens.ts";
import type { UserInfo } from "../server/exchange.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";

type Handle = ApiServer["handle"];

/** What a cluster in this process has other than by default. */
export interface ClusterWishes {
  /** Default: every controller of a control plane. */
  readonly controllers?: readonly (ControllerDefinition | LoopDefinition)[];
  /** What the usual controllers are told other than by default. */
  readonly settings?: Partial<ControllerSettings>;
  /** Changes a controller before it runs. */
  readonly adjust?: <T extends ControllerDefinition | LoopDefinition>(each: T) => T;
  /** With the default scheduler too; without it nobody binds pods but the test. */
  readonly scheduler?: boolean;
  /** Changes what a component's client does, as a test of faults wants it. */
  readonly disturb?: (client: Client, name: string) => Client;
  /** What the API server has beside the usual. */
  readonly server?: Pick<ServerOptions, "advertise" | "authentication" | "clientCa">;
}

export interface ClusterPartsOptions extends ClusterWishes {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Plays nodes that are labelled as simulated. */
  readonly simulatedNodes?: boolean;
  /** Stands between every client and the server. */
  readonly through: (handle: Handle) => Handle;
  /** Signs certificates, and is published as the cluster's authority. */
  readonly authority?: KeyPair;
}

/** What a control plane consists of, in this process, on a memory store. */
export interface ClusterParts extends AsyncDisposable {
  readonly store: Store;
  readonly server: ApiServer;
  /** The controllers' copies. */
  readonly informers: Informers;
  clientFor(identity: UserInfo): Client;
}

/** Opens an API server with controllers and what else is wanted, every component under its own identity. */
export async function openClusterParts(options: ClusterPartsOptions): Promise<ClusterParts> {
  const { clock, random, log, authority, disturb = (client: Client) => client } = options;
  await using opened = new AsyncDisposableStack();
  const metrics = new Metrics();
  const store = opened.use(openMemoryStore({ clock }));
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
  const server = opened.use(
    await openServer({
      store,
      clock,
      random,
      log,
      metrics,
      serviceAccounts: { issuer: "https://kubernetes.default.svc.cluster.local", privateKey },
      ...options.server,
    }),
  );
  const called = { handle: options.through((request) => server.handle(request)) };
  const clientFor = (identity: UserInfo) => createClient(inProcessTransport(called, identity, "at once"));
  const copies = (client: Client) => opened.use(createInformers({ client, clock, random, log }));
  const manager = disturb(clientFor({ name: "system:kube-controller-manager", groups: [] }), "informers");
  const informers = copies(manager);
  const tokens = new TokenSigner({ privateKey });
  const usual: ControllerSettings = {
    rootCa: authority?.cert ?? "CA",
    ...(authority ? { signer: openSigner(authority, { clock, random }) } : {}),
    nodeRanges: { podRange: "10.244.0.0/16" },
    nodeAddresses: ["192.0.2.1"],
    secretToken: (namespace, secret, owner) => tokens.sign(legacyClaims(namespace, secret, owner)),
  };
  const controllers = (options.controllers ?? allControllers({ ...usual, ...options.settings })).map(
    options.adjust ?? ((each) => each),
  );
  opened.use(
    runControllers(controllers, {
      clientFor: (name) => disturb(clientFor(serviceAccountIdentity(name)), name),
      ...(options.controllers ? {} : { manager }),
      informers,
      clock,
      random,
      log,
      metrics,
    }),
  );
  if (options.scheduler) {
    const client = disturb(clientFor({ name: "system:kube-scheduler", groups: [] }), "scheduler");
    opened.use(await openScheduler({ client, informers: copies(client), clock, random, log, metrics }));
  }
  if (options.simulatedNodes) {
    opened.use(
      new SimulatedNodes({
        informers,
        stagesFrom: informers,
        clientFor: (node) => clientFor({ name: `system:node:${node}`, groups: ["system:nodes"] }),
        version: kubernetesVersion,
        clock,
        random,
        log,
      }),
    );
  }
  const running = opened.move();
  return { store, server, informers, clientFor, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
