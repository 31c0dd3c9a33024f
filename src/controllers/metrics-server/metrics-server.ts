import { Node } from "../../api/core/node.ts";
import { aborted } from "../../lib/abort.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { defineLoop, type LoopDefinition, type ReconcileContext } from "../framework/controller.ts";
import type { ResourceFigures } from "./figures.ts";
import { parseResourceMetrics } from "./scrape.ts";

export interface MetricsServerOptions {
  /** Where the figures are kept. */
  readonly figures: ResourceFigures;
  /** The text of a node's `/metrics/resource`. */
  readonly scrape: (node: string, signal: AbortSignal) => Promise<string>;
}

/** How often nodes are looked at, and how long one may take (as upstream's metrics-server). */
const every = 15_000;
const patience = 10_000;
/** Nodes asked at a time. */
const width = 32;

/** Looks at what nodes and their containers use. */
export function metricsServer({ figures, scrape }: MetricsServerOptions): LoopDefinition {
  return defineLoop({
    name: "metrics-server",
    serviceAccount: "metrics-server",
    eventSource: "metrics-server",
    reads: [Node as unknown as KindRef<KubeObject>],
    async run(context) {
      const { cache, clock, signal } = context;
      while (!signal.aborted) {
        const names = cache.list(Node).map(({ metadata }) => metadata.name);
        figures.keep(new Set(names));
        const waiting = names.values();
        const worker = async () => {
          for (const name of waiting) await look(name, { figures, scrape }, context);
        };
        await Promise.race([Promise.all(Array.from({ length: width }, worker)), aborted(signal)]);
        await clock.sleep(every, signal).catch(() => {});
      }
    },
  });
}

async function look(
  name: string,
  { figures, scrape }: MetricsServerOptions,
  { clock, log, signal }: ReconcileContext,
): Promise<void> {
  const impatient = new AbortController();
  using _timer = clock.after(patience, () => impatient.abort(new Error("the node did not answer in time")));
  try {
    const text = await scrape(name, AbortSignal.any([signal, impatient.signal]));
    figures.store(name, parseResourceMetrics(text, clock.now()));
  } catch (error) {
    if (!signal.aborted) log.debug(`no figures of node ${name}: ${errorMessage(error)}`);
  }
}
