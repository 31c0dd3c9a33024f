import type { Client, Informers } from "../client/client.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { ApiServer } from "../server/api-server.ts";
import type { UserInfo } from "../server/exchange.ts";
import type { Store } from "../store/store.ts";
import { type ClusterWishes, openClusterParts } from "./cluster-parts.ts";
import { restOfCluster } from "./rest.ts";

export interface TestClusterOptions extends ClusterWishes {
  readonly seed?: number;
  readonly log?: Log;
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

/** Opens a test cluster; dispose it with `await using`. */
export async function openTestCluster({
  seed = 1,
  log = silentLog,
  ...wishes
}: TestClusterOptions = {}): Promise<TestCluster> {
  const clock = new VirtualClock();
  const { counted, settle, settleMoment } = restOfCluster();
  await using opened = new AsyncDisposableStack();
  const parts = opened.use(
    await openClusterParts({ ...wishes, clock, random: seededRandom(seed), log, through: counted }),
  );
  await settle();
  const running = opened.move();
  return {
    ...parts,
    clock,
    client: parts.clientFor({ name: "admin", groups: ["system:masters"] }),
    settle,
    pass: (ms) => clock.pass(ms, settleMoment),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
