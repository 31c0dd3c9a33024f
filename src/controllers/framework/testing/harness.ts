import { Event } from "../../../api/core/event.ts";
import type { Client } from "../../../client/client.ts";
import { createInformers } from "../../../client/informer.ts";
import { silentLog } from "../../../lib/log.ts";
import { Metrics } from "../../../lib/metrics.ts";
import { seededRandom } from "../../../lib/random.ts";
import { VirtualClock } from "../../../lib/virtual-clock.ts";
import type { ControllerDefinition, LoopDefinition } from "../controller.ts";
import { runControllers } from "../run.ts";
import { FakeCluster } from "./fake-cluster.ts";
import { turns } from "./settle.ts";

/** Controllers running against a fake cluster in virtual time. */
export interface Harness extends AsyncDisposable {
  readonly cluster: FakeCluster;
  readonly clock: VirtualClock;
  /** Lets the controllers do all they can do now. */
  settle(): Promise<void>;
  /** Lets time pass, the controllers acting at every moment of it. */
  pass(ms: number): Promise<void>;
  readonly metrics: Metrics;
  /** `Reason: message` of every event so far; counts are left out. */
  events(): readonly string[];
}

export interface HarnessOptions {
  readonly seed?: number;
  /** Fills the cluster before the controllers start. */
  readonly given?: (cluster: FakeCluster) => void;
  /** What the controllers call instead of the cluster's own client: slower, or refusing. */
  readonly through?: (client: Client) => Client;
}

/** Starts controllers; dispose it with `await using`. */
export async function run(
  definitions: readonly (ControllerDefinition | LoopDefinition)[],
  options: HarnessOptions = {},
): Promise<Harness> {
  const clock = new VirtualClock();
  const random = seededRandom(options.seed ?? 1);
  const cluster = new FakeCluster({ clock, random });
  options.given?.(cluster);
  const client = options.through?.(cluster.client) ?? cluster.client;
  const informers = createInformers({ client, clock, random, log: silentLog });
  const metrics = new Metrics();
  const running = runControllers(definitions, {
    clientFor: () => client,
    informers,
    clock,
    random,
    log: silentLog,
    metrics,
  });
  const settle = async () => {
    // Quiet for a while means done: every step of a controller takes few turns of the event loop.
    for (let quiet = 0, seen = -1; quiet < 3; quiet += 1) {
      await turns(15);
      if (cluster.calls.length !== seen) quiet = 0;
      seen = cluster.calls.length;
    }
  };
  await settle();
  return {
    cluster,
    clock,
    metrics,
    settle,
    pass: (ms) => clock.pass(ms, settle),
    events: () => cluster.all(Event).map(({ reason, message }) => `${reason}: ${message}`),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    },
  };
}
