import { Fault } from "../lib/fault.ts";
import type { ApiServer } from "../server/api-server.ts";

/** More than this without time passing is a loop that feeds itself. */
const mostCallsAtOnce = 100_000;

/** Knows when a cluster in this process has come to rest: nobody calls its server, and no answer is under way. */
export interface Rest {
  /** Counts the calls that go through. */
  readonly counted: (handle: ApiServer["handle"]) => ApiServer["handle"];
  /** Resolves when everything has happened that can happen now. */
  readonly settle: () => Promise<void>;
  /** As `settle`, and quick after a moment at which nobody has called the server, as most are. */
  readonly settleMoment: () => Promise<void>;
}

/** Watches over the calls of one cluster. */
export function restOfCluster(): Rest {
  let calls = 0;
  let underWay = 0;
  let rested = -1;
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const settle = async () => {
    for (let quiet = 0, seen = -1, from = calls; quiet < 4; quiet += 1) {
      if (calls - from > mostCallsAtOnce)
        throw new Fault("internal", "the cluster never comes to rest: somebody acts without end");
      await turns(12);
      if (calls !== seen) quiet = 0;
      seen = calls;
    }
  };
  return {
    counted: (handle) => async (request) => {
      calls += 1;
      underWay += 1;
      try {
        return await handle(request);
      } finally {
        underWay -= 1;
      }
    },
    settle,
    async settleMoment() {
      await turns(6);
      if (calls !== rested || underWay > 0) await settle();
      rested = calls;
    },
  };
}
