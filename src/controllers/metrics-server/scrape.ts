/** What was counted at a moment. */
export interface Point {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** CPU time used up to then. */
  readonly cpuSeconds: number;
  /** Bytes that cannot be taken away easily. */
  readonly memory: number;
}

/** The figures of a node and its containers: by `namespace/pod`, then by container. */
export interface NodePoints {
  readonly node: Point | undefined;
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Point>>;
}

const line = /^(node|container)_(cpu_usage_seconds_total|memory_working_set_bytes)(?:\{(.*)\})? (\S+)(?: (\d+))?$/;
const label = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/** Reads a node agent's `/metrics/resource`; what lacks one of the two figures is left out. `now` dates lines without a time. */
export function parseResourceMetrics(text: string, now: number): NodePoints {
  const parts = new Map<
    string,
    { labels: Readonly<Record<string, string>>; cpu?: number; memory?: number; at: number }
  >();
  for (const each of text.split("\n")) {
    const [, owner, metric, braces = "", value = "", at] = line.exec(each) ?? [];
    if (!owner || !Number.isFinite(Number(value))) continue;
    const labels = Object.fromEntries(Array.from(braces.matchAll(label), ([, name = "", of = ""]) => [name, of]));
    const key = owner === "node" ? "" : `${labels.namespace}/${labels.pod}/${labels.container}`;
    const known = parts.get(key) ?? { labels, at: 0 };
    const figure = metric === "cpu_usage_seconds_total" ? { cpu: Number(value) } : { memory: Number(value) };
    // The rate is of CPU time, so its moment counts.
    const moment = "cpu" in figure || known.at === 0 ? Number(at ?? now) : known.at;
    parts.set(key, { ...known, ...figure, at: moment });
  }
  const pods = new Map<string, Map<string, Point>>();
  let node: Point | undefined;
  for (const [key, { labels, cpu, memory, at }] of parts) {
    if (cpu === undefined || memory === undefined) continue;
    const point = { at, cpuSeconds: cpu, memory };
    if (key === "") node = point;
    else {
      const pod = `${labels.namespace}/${labels.pod}`;
      const containers = pods.get(pod) ?? new Map<string, Point>();
      pods.set(pod, containers.set(labels.container ?? "", point));
    }
  }
  return { node, pods };
}
