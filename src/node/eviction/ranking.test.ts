import { describe, expect, test } from "vitest";
import type { PodSpec } from "../../api/generated/core-v1.ts";
import { sampleContainer, samplePod } from "../testing/samples.ts";
import { evictionMessage, hasStorageLimits, storageBreach } from "./messages.ts";
import { rankForEviction } from "./ranking.ts";
import type { StarvedResource } from "./thresholds.ts";
import type { ContainerUsage, PodUsage } from "./usage.ts";

const usageOf = (main: ContainerUsage, rest: Partial<PodUsage> = {}): PodUsage => ({
  containers: new Map([["main", main]]),
  volumes: new Map(),
  ...rest,
});

function candidate(name: string, usage: PodUsage | undefined, request = "0", spec: Partial<PodSpec> = {}) {
  const resources = { requests: { memory: request, "ephemeral-storage": request } };
  const containers = [sampleContainer({ resources })];
  return { pod: samplePod({ containers, ...spec }, { metadata: { name } }), usage };
}

const order = (candidates: readonly ReturnType<typeof candidate>[], resource: StarvedResource = "memory") =>
  rankForEviction(candidates, resource, ["layers", "logs", "volumes"]).map(({ pod }) => pod.metadata.name);

describe("who goes first", () => {
  test("of memory: above the request, then by priority, then by how far above; unknown ones before all", () => {
    const candidates = [
      candidate("within", usageOf({ memory: 900 }), "1000"),
      candidate("important", usageOf({ memory: 900 }), "0", { priority: 1000 }),
      candidate("little", usageOf({ memory: 300 }), "200"),
      candidate("much", usageOf({ memory: 700 }), "500"),
      candidate("within-lower", usageOf({ memory: 1 }), "1000", { priority: -1 }),
      candidate("unknown", undefined),
    ];
    expect(order(candidates)).toEqual(["unknown", "much", "little", "important", "within-lower", "within"]);
  });

  test("overhead counts as asked for", () => {
    const heavy = candidate("heavy", usageOf({ memory: 300 }), "100", { overhead: { memory: "500" } });
    expect(order([heavy, candidate("light", usageOf({ memory: 250 }), "200")])).toEqual(["light", "heavy"]);
  });

  test("of disk: layers, logs and volumes together", () => {
    const volumes = new Map([["cache", { bytes: 500, inodes: 7 }]]);
    const candidates = [
      candidate("layers", usageOf({ layer: 200, logs: 250, layerInodes: 90 })),
      candidate("volumes", usageOf({ layer: 10 }, { volumes })),
    ];
    expect(order(candidates, "ephemeral-storage")).toEqual(["volumes", "layers"]);
    expect(order(candidates, "inodes")).toEqual(["layers", "volumes"]);
  });

  test("of processes: by priority, then by their number", () => {
    const candidates = [
      candidate("few", usageOf({}, { processes: 3 })),
      candidate("many", usageOf({}, { processes: 300 })),
      candidate("important", usageOf({}, { processes: 900 }), "0", { priority: 5 }),
    ];
    expect(order(candidates, "pids")).toEqual(["many", "few", "important"]);
  });
});

test("the message says what was short and who used more than asked for", () => {
  const { pod, usage } = candidate("web", usageOf({ memory: 300 * 2 ** 20 }), "100Mi");
  const threshold = { signal: "memory.available", below: { amount: 100 * 2 ** 20 }, graceMs: 0 } as const;
  const observation = { available: 50 * 2 ** 20, capacity: 2 ** 30, at: 0 };
  expect(evictionMessage(pod, usage, threshold, observation)).toBe(
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. " +
      "Container main was using 300Mi, request is 100Mi, has larger consumption of memory. ",
  );
});

test.each([
  {
    spec: { volumes: [{ name: "cache", emptyDir: { sizeLimit: "1Ki" } }] },
    usage: usageOf({}, { volumes: new Map([["cache", { bytes: 1025, inodes: 1 }]]) }),
    says: 'Usage of EmptyDir volume "cache" exceeds the limit "1Ki". ',
  },
  {
    spec: { containers: [sampleContainer({ resources: { limits: { "ephemeral-storage": "1Ki" } } })] },
    usage: usageOf({ layer: 1000, logs: 100 }),
    says: "Pod ephemeral local storage usage exceeds the total limit of containers 1Ki. ",
  },
  {
    spec: {
      containers: [
        sampleContainer({ resources: { limits: { "ephemeral-storage": "1Ki" } } }),
        sampleContainer({ name: "other", resources: { limits: { "ephemeral-storage": "1Mi" } } }),
      ],
    },
    usage: usageOf({ layer: 1025 }),
    says: 'Container main exceeded its local ephemeral storage limit "1Ki". ',
  },
])("$says", ({ spec, usage, says }) => {
  const pod = samplePod(spec);
  expect(hasStorageLimits(pod)).toBe(true);
  expect(storageBreach(pod, usage)?.message).toBe(says);
  expect(storageBreach(pod, usageOf({}))).toBeUndefined();
});
