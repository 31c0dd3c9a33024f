import type { TestCluster } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { images } from "./workloads.ts";

/** A pod of one container, `main`, that tells something in its log and then waits. */
export interface Teller {
  readonly name: string;
  /** A shell script; what it says is the pod's story. */
  readonly script: string;
  /** Volumes by the paths where the container sees them. */
  readonly volumes?: Readonly<Record<string, object>>;
  /** More mounts, of volumes of `spec`. */
  readonly mounts?: readonly object[];
  /** More fields of the container. */
  readonly container?: object;
  readonly metadata?: object;
  readonly spec?: { readonly volumes?: readonly object[]; readonly [field: string]: unknown };
}

/** The lines that each pod said, by the pod's name; those that were not asked for are an error. */
export type Stories = (pod: string) => readonly string[];

const label = "tells";
const end = "-- the end --";

/** Makes pods all at once, and waits until each has come to the end of its script. They run on afterwards. */
export async function tell(cluster: TestCluster, ns: string, tellers: readonly Teller[]): Promise<Stories> {
  const batch = tellers[0]!.name;
  await cluster.apply(ns, ...tellers.map((teller) => tellingPod(teller, batch)));
  const read = ["logs", "-n", ns, "-l", `${label}=${batch}`, "--prefix", "--tail=-1", "--max-log-requests=200"];
  const stories = await eventually(
    `${tellers.length} pods have told their stories`,
    async () => {
      const told = byPod(await cluster.kubectl(...read));
      const late = tellers.filter(({ name }) => !told.get(name)?.includes(end));
      if (late.length > 0)
        throw new Error(late.map(({ name }) => `${name}: ${told.get(name) ?? "nothing"}`).join("\n"));
      return told;
    },
    { every: 500, within: 120_000 },
  );
  return (pod) => {
    const lines = stories.get(pod);
    if (!lines) throw new Error(`there is no pod ${pod} among them`);
    return lines.filter((line) => line !== end);
  };
}

/** A script's words that show files: the path, the mode and the contents of each on a line. */
export const show = (...paths: readonly string[]): string =>
  `for file in ${paths.join(" ")}; do echo "$file $(stat -Lc %a $file) $(cat $file)"; done`;

function tellingPod({ name, script, volumes = {}, mounts = [], container, metadata, spec }: Teller, batch: string) {
  const named = Object.entries(volumes).map(([mountPath, volume], at) => ({ mountPath, name: `v${at}`, volume }));
  const { labels, ...more } = (metadata ?? {}) as { readonly labels?: object };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { [label]: batch, ...labels }, ...more },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...spec,
      containers: [
        {
          name: "main",
          image: images.busybox,
          command: ["sh", "-c", `${script}\necho ${end}\ntrap 'exit 0' TERM; sleep 100000 & wait`],
          volumeMounts: [...named.map(({ mountPath, name: volume }) => ({ name: volume, mountPath })), ...mounts],
          ...container,
        },
      ],
      volumes: [
        ...named.map(({ name: volume, volume: source }) => ({ name: volume, ...source })),
        ...(spec?.volumes ?? []),
      ],
    },
  };
}

function byPod(log: string): ReadonlyMap<string, readonly string[]> {
  const told = new Map<string, string[]>();
  for (const line of log.split("\n")) {
    const found = /^\[pod\/([^/]+)\/[^\]]+\] (.*)$/.exec(line);
    if (found) told.set(found[1]!, [...(told.get(found[1]!) ?? []), found[2]!]);
  }
  return told;
}
