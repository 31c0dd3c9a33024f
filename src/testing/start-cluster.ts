import type { Client, Informers } from "../client/client.ts";
import { createInformers } from "../client/informer.ts";
import { createAuthority, openAuthority } from "../cluster/certificates.ts";
import { kubeconfigFor } from "../cluster/kubeconfig.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { encodeYaml } from "../machinery/codec-yaml.ts";
import { addSimulatedNodes, type SimulatedNodeWishes } from "../node/simulated-nodes/make-nodes.ts";
import { keepStages } from "../node/simulated-nodes/stages.ts";
import type { UserInfo } from "../server/exchange.ts";
import { openClusterParts } from "./cluster-parts.ts";
import { restOfCluster } from "./rest.ts";

export interface StartClusterOptions {
  /** `wall` goes by the machine's time; `virtual` stands still but for `pass` and `until`. Default `wall`. */
  readonly clock?: "wall" | "virtual";
  /** With equal seeds and a virtual clock, equal stories. Default 1. */
  readonly seed?: number;
  /** Simulated nodes: how many, or which. Default 1. */
  readonly nodes?: number | SimulatedNodeWishes;
  /** KWOK's Stage documents, by which pods live (docs/simulated-nodes.md). */
  readonly stages?: string;
  /** Serves the API over TLS on a free port of this machine, for programs that want a kubeconfig. */
  readonly https?: boolean;
  readonly log?: Log;
}

/** A whole control plane in this process, its data in memory. Disposing it leaves nothing behind. */
export interface Cluster extends AsyncDisposable {
  /** An administrator's client. */
  readonly client: Client;
  /** Local copies over that client. */
  readonly informers: Informers;
  readonly clock: Clock;
  /** A client under any identity: what it may do is as the cluster's RBAC says. */
  clientFor(identity: UserInfo): Client;
  /** An administrator's kubeconfig. Throws Fault `invalid` for a cluster that was not started with `https`. */
  readonly kubeconfig: string;
  /**
   * Asks until the answer is true or anything else but false, null and undefined, and gives it; errors count as no. Throws
   * Fault `timeout` after so many milliseconds of the cluster's clock (default 30,000), with the last error as its cause.
   */
  until<T>(ask: () => Promise<T>, within?: number): Promise<NonNullable<T>>;
  /** Lets time pass: everybody has acted at every moment of it. With a wall clock it only waits. */
  pass(ms: number): Promise<void>;
}

/** Starts a cluster: API server, all controllers, scheduler, simulated nodes. Dispose it with `await using`. */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const { seed = 1, nodes = 1, log = silentLog } = options;
  const virtual = options.clock === "virtual" ? new VirtualClock() : undefined;
  const clock: Clock = virtual ?? systemClock;
  const random = seededRandom(seed);
  await using opened = new AsyncDisposableStack();
  const tools = { clock, random };
  // Certificates are looked at by the machine's time, whatever the cluster's clock says.
  const dated = { clock: systemClock, random };
  const authority = options.https ? await createAuthority("kubernetes", dated) : undefined;
  const rest = restOfCluster();
  const parts = opened.use(
    await openClusterParts({
      ...tools,
      log,
      scheduler: true,
      simulatedNodes: true,
      through: rest.counted,
      ...(authority ? { authority } : {}),
    }),
  );
  const client = parts.clientFor({ name: "kubernetes-admin", groups: ["system:masters"] });
  const informers = opened.use(createInformers({ client, ...tools, log }));
  let kubeconfig: string | undefined;
  if (authority) {
    const issuing = openAuthority(authority, dated);
    const [serving, admin] = await Promise.all([
      issuing.issue({ commonName: "kube-apiserver", usage: "server", names: ["127.0.0.1", "localhost", "kubernetes"] }),
      issuing.issue({ commonName: "kubernetes-admin", organizations: ["system:masters"], usage: "client" }),
    ]);
    const host = "127.0.0.1";
    const listener = opened.use(
      await parts.server.listen({ host, port: 0, tls: { ...serving, clientCa: issuing.cert } }),
    );
    const access = { context: "test", server: `https://${host}:${listener.port}`, ca: issuing.cert, client: admin };
    kubeconfig = encodeYaml(kubeconfigFor(access));
  }
  if (options.stages) await keepStages(client, options.stages);
  const wishes = typeof nodes === "number" ? { count: nodes } : nodes;
  if (wishes.count > 0) await addSimulatedNodes(client, wishes);

  const pass = (ms: number) => (virtual ? virtual.pass(ms, rest.settleMoment) : clock.sleep(ms));
  if (virtual) await rest.settle();
  const running = opened.move();
  return {
    client,
    informers,
    clock,
    clientFor: parts.clientFor,
    get kubeconfig() {
      if (kubeconfig === undefined)
        throw new Fault("invalid", "start the cluster with { https: true } for a kubeconfig");
      return kubeconfig;
    },
    until: (ask, within = 30_000) => until(ask, within, clock, pass, virtual ? 100 : 10),
    pass,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function until<T>(
  ask: () => Promise<T>,
  within: number,
  clock: Clock,
  pass: (ms: number) => Promise<void>,
  step: number,
): Promise<NonNullable<T>> {
  const began = clock.monotonic();
  for (let cause: unknown; ; ) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (clock.monotonic() - began >= within)
      throw new Fault("timeout", `it did not come true within ${within} ms`, { cause });
    await pass(step);
  }
}
