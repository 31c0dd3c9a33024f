import { generateKeyPairSync } from "node:crypto";
import { createClient } from "../client/api-client.ts";
import type { Client, Informers } from "../client/client.ts";
import { createInformers } from "../client/informer.ts";
import { inProcessTransport, serviceAccountIdentity } from "../cluster/in-process-transport.ts";
import { allControllers, type ControllerSettings } from "../controllers/all.ts";
import type { ControllerDefinition, LoopDefinition } from "../controllers/framework/controller.ts";
import { runControllers } from "../controllers/framework/run.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { openScheduler } from "../scheduler/scheduler.ts";
import { type ApiServer, openServer, type ServerOptions } from "../server/api-server.ts";
import { TokenSigner } from "../server/authentication/json-web-token.ts";
import { legacyClaims } from "../server/authentication/legacy-tokens.ts";
import type { UserInfo } from "../server/exchange.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";

export interface TestClusterOptions {
  readonly seed?: number;
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
  readonly log?: Log;
  /** What the API server has beside the usual. */
  readonly server?: Pick<ServerOptions, "advertise" | "authentication" | "clientCa">;
}

/** An API server and controllers in this process, on a memory store and in virtual time; every component under its own identity. */
export interface TestCluster extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly store: Store;
  readonly server: ApiServer;
  /** An administrator's client. */
  readonly client: Client;
  readonly informers: Informers;
  clientFor(identity: UserInfo): Client;
  /** Lets everything happen that can happen now. */
  settle(): Promise<void>;
  /** Lets time pass, everybody acting at every moment of it. */
  pass(ms: number): Promise<void>;
}

/** More than this without time passing is a loop that feeds itself. */
const mostCallsAtOnce = 100_000;

/** Opens a test cluster; dispose it with `await using`. */
export async function openTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const clock = new VirtualClock();
  const random = seededRandom(options.seed ?? 1);
  const log = options.log ?? silentLog;
  await using opened = new AsyncDisposableStack();
  const store = opened.use(openMemoryStore({ clock }));
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
  const server = opened.use(
    await openServer({
      store,
      clock,
      random,
      log,
      metrics: new Metrics(),
      serviceAccounts: {
        issuer: "https://kubernetes.default.svc.cluster.local",
        privateKey,
      },
      ...options.server,
    }),
  );
  let calls = 0;
  let underWay = 0;
  const counted = {
    handle: async (request: Parameters<ApiServer["handle"]>[0]) => {
      calls += 1;
      underWay += 1;
      try {
        return await server.handle(request);
      } finally {
        underWay -= 1;
      }
    },
  };
  const disturb = options.disturb ?? ((client: Client) => client);
  const clientFor = (identity: UserInfo) => createClient(inProcessTransport(counted, identity));
  const manager = disturb(clientFor({ name: "system:kube-controller-manager", groups: [] }), "informers");
  const informers = opened.use(createInformers({ client: manager, clock, random, log }));
  const signer = new TokenSigner({ privateKey });
  const usual: ControllerSettings = {
    rootCa: "CA",
    podRange: "10.244.0.0/16",
    nodeAddresses: ["192.0.2.1"],
    secretToken: (namespace, secret, owner) => signer.sign(legacyClaims(namespace, secret, owner)),
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
    }),
  );
  if (options.scheduler) {
    const own = disturb(clientFor({ name: "system:kube-scheduler", groups: [] }), "scheduler");
    const schedulerInformers = opened.use(createInformers({ client: own, clock, random, log }));
    const metrics = new Metrics();
    opened.use(await openScheduler({ client: own, informers: schedulerInformers, clock, random, log, metrics }));
  }
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const settle = async () => {
    for (let quiet = 0, seen = -1, from = calls; quiet < 4; quiet += 1) {
      if (calls - from > mostCallsAtOnce) throw new Error("the cluster never comes to rest: somebody acts without end");
      await turns(12);
      if (calls !== seen) quiet = 0;
      seen = calls;
    }
  };
  /** After a moment at which nobody has called the server, as most are, there is nothing to wait for. */
  let rested = -1;
  const settleMoment = async () => {
    await turns(6);
    if (calls !== rested || underWay > 0) await settle();
    rested = calls;
  };
  await settle();
  const running = opened.move();
  return {
    clock,
    store,
    server,
    client: clientFor({ name: "admin", groups: ["system:masters"] }),
    informers,
    clientFor,
    settle,
    pass: (ms) => clock.pass(ms, settleMoment),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
