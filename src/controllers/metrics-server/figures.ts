import type { NodePoints, Point } from "./scrape.ts";

/** What is used, as the rate between two looks. */
export interface Usage {
  /** Billionths of a core. */
  readonly nanoCores: number;
  /** Bytes. */
  readonly memory: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds between the two looks. */
  readonly window: number;
}

interface Pair {
  readonly last: Point;
  readonly before: Point | undefined;
}

interface NodePairs {
  readonly node: Pair | undefined;
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Pair>>;
}

/** The last two looks at every node, and what follows from them. */
export class ResourceFigures {
  readonly #nodes = new Map<string, NodePairs>();

  /** Adds a look at a node; what was not seen this time is forgotten. */
  store(name: string, points: NodePoints): void {
    const known = this.#nodes.get(name);
    const pods = new Map(
      Array.from(points.pods, ([pod, containers]) => {
        const before = known?.pods.get(pod);
        return [pod, new Map(Array.from(containers, ([of, point]) => [of, next(point, before?.get(of))]))] as const;
      }),
    );
    this.#nodes.set(name, { node: points.node && next(points.node, known?.node), pods });
  }

  /** Forgets every other node. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#nodes.keys()) if (!names.has(name)) this.#nodes.delete(name);
  }

  /** What a node uses; undefined until it was looked at twice. */
  node(name: string): Usage | undefined {
    const pair = this.#nodes.get(name)?.node;
    return pair && usage(pair);
  }

  /** What each container of a pod uses; undefined until all of them were looked at twice. */
  pod(node: string, namespace: string, name: string): ReadonlyMap<string, Usage> | undefined {
    const pairs = this.#nodes.get(node)?.pods.get(`${namespace}/${name}`);
    if (!pairs) return undefined;
    const usages = new Map<string, Usage>();
    for (const [container, pair] of pairs) {
      const used = usage(pair);
      if (!used) return undefined;
      usages.set(container, used);
    }
    return usages;
  }
}

/** A figure that did not move on is no second one, and a count that fell is of a new container. */
function next(point: Point, known: Pair | undefined): Pair {
  if (!known || point.cpuSeconds < known.last.cpuSeconds) return { last: point, before: undefined };
  return point.at > known.last.at ? { last: point, before: known.last } : known;
}

function usage({ last, before }: Pair): Usage | undefined {
  if (!before) return undefined;
  const window = last.at - before.at;
  const nanoCores = Math.round(((last.cpuSeconds - before.cpuSeconds) * 1e12) / window);
  return { nanoCores, memory: last.memory, at: last.at, window };
}
