import { ResourceFigures } from "../../../src/controllers/metrics-server/figures.ts";

interface Used {
  /** Thousandths of a core. */
  readonly milliCores: number;
  readonly mebibytes: number;
}

const nodes: Readonly<Record<string, Used>> = {
  "top-1": { milliCores: 250, mebibytes: 512 },
  "top-2": { milliCores: 1333, mebibytes: 100 },
};

const pods: Readonly<Record<string, Readonly<Record<string, Used>>>> = {
  "top/web": { main: { milliCores: 100, mebibytes: 20 }, side: { milliCores: 7, mebibytes: 200 } },
  "top/db": { main: { milliCores: 120, mebibytes: 30 } },
  "top/idle": { main: { milliCores: 0, mebibytes: 0 } },
  "top-other/web": { main: { milliCores: 5, mebibytes: 2000 } },
};

/** Ten seconds between the two looks. */
const window = 10;

/** What the nodes and pods of the stories use, as if they had been looked at twice. */
export function figuresOfStories(): ResourceFigures {
  const figures = new ResourceFigures();
  for (const seconds of [0, window]) {
    const point = ({ milliCores, mebibytes }: Used) => ({
      at: seconds * 1000,
      cpuSeconds: 1 + (milliCores / 1000) * seconds,
      memory: mebibytes * 1024 * 1024,
    });
    const points = Object.entries(pods).map(
      ([pod, used]) => [pod, new Map(Object.entries(used).map(([name, one]) => [name, point(one)]))] as const,
    );
    for (const [name, used] of Object.entries(nodes)) {
      figures.store(name, { node: point(used), pods: name === "top-1" ? new Map(points) : new Map() });
    }
  }
  return figures;
}
