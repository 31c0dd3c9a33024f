import { expect, test } from "vitest";
import type { Pod } from "../../api/generated/core-v1.ts";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { Finished } from "../pods/status.ts";
import { dawn, sampleContainer, samplePod } from "../testing/samples.ts";
import { EvictionManager, type SignalSource } from "./eviction-manager.ts";
import { parseThresholds } from "./thresholds.ts";

/** A node with 1000 bytes of memory and disk each, as the test says how full. */
function openNode(pods: readonly Pod[], used: Readonly<Record<string, number>> = {}) {
  const clock = new VirtualClock(dawn);
  const left = { memory: 1000, disk: 1000 };
  const story: string[] = [];
  const sentences: Finished[] = [];
  const source: SignalSource = {
    observe: async () => {
      const reading = (available: number) => ({ available, capacity: 1000, at: clock.now() });
      return { "memory.available": reading(left.memory), "nodefs.available": reading(left.disk) };
    },
    hasImageFs: async () => false,
    usageOf: async (asked) =>
      new Map(
        asked.map(({ metadata }) => {
          const bytes = used[metadata.name] ?? 0;
          const volumes = new Map([["cache", { bytes, inodes: 1 }]]);
          return [metadata.uid, { containers: new Map([["main", { memory: bytes }]]), volumes }];
        }),
      ),
  };
  let reclaimable = 0;
  const metrics = new Metrics();
  const manager = new EvictionManager({
    source,
    thresholds: parseThresholds({ hard: "memory.available<100,nodefs.available<100" }),
    transitionMs: 300_000,
    maxPodGraceSeconds: 0,
    pods: () => pods,
    evict: async (pod, sentence) => {
      story.push(`evict ${pod.metadata.name}`);
      sentences.push(sentence);
    },
    reclaimDisk: async () => {
      story.push("reclaim");
      left.disk += reclaimable;
    },
    node: samplePod(),
    events: { record: (_, __, reason, message) => void story.push(`${reason} ${message}`), flush: async () => {} },
    clock,
    log: silentLog,
    metrics,
  });
  const look = async (): Promise<boolean> => {
    await clock.pass(10_000, async () => {});
    return await manager.look();
  };
  return { manager, metrics, left, story, sentences, look, setReclaimable: (bytes: number) => (reclaimable = bytes) };
}

const pod = (name: string, spec: Parameters<typeof samplePod>[0] = {}, annotations: Record<string, string> = {}) =>
  samplePod(spec, { metadata: { name, uid: `uid-${name}`, annotations } });

test("one pod a look goes, the first in rank, with upstream's words and condition", async () => {
  const { look, left, sentences, story, manager, metrics } = openNode([pod("small"), pod("large")], {
    small: 10,
    large: 600,
  });
  expect(await look()).toBe(false);
  left.memory = 50;
  expect(await look()).toBe(true);
  const message =
    "The node was low on resource: memory. Threshold quantity: 100, available: 50. " +
    "Container main was using 600, request is 0, has larger consumption of memory. ";
  expect(story).toEqual(["EvictionThresholdMet Attempting to reclaim memory", `Evicted ${message}`, "evict large"]);
  expect(sentences).toEqual([
    {
      phase: "Failed",
      reason: "Evicted",
      message,
      graceSeconds: 1,
      condition: { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet", message },
    },
  ]);
  expect(manager.conditions).toEqual(["MemoryPressure"]);
  expect(await metrics.text()).toContain('kubelet_evictions{eviction_signal="memory.available"} 1');
});

test("static pods and those of the system stay", async () => {
  const { look, left, story } = openNode([
    pod("static", {}, { "kubernetes.io/config.source": "file" }),
    pod("critical", { priority: 2_000_001_000 }),
  ]);
  left.memory = 50;
  expect(await look()).toBe(false);
  expect(story).toEqual(["EvictionThresholdMet Attempting to reclaim memory"]);
});

test("disk space is won back from what nobody uses before a pod goes", async () => {
  const { look, left, story, setReclaimable } = openNode([pod("web")], { web: 10 });
  left.disk = 50;
  setReclaimable(500);
  expect(await look()).toBe(false);
  expect(story).toEqual(["EvictionThresholdMet Attempting to reclaim ephemeral-storage", "reclaim"]);
  left.disk = 10;
  setReclaimable(0);
  expect(await look()).toBe(true);
  expect(story.at(-1)).toBe("evict web");
});

test("a pod that breaks its own limit goes though nothing is short", async () => {
  const volumes = [{ name: "cache", emptyDir: { sizeLimit: "100" } }];
  const { look, story } = openNode([pod("greedy", { volumes }), pod("modest", { volumes })], {
    greedy: 101,
    modest: 100,
  });
  expect(await look()).toBe(true);
  expect(story).toEqual(['Evicted Usage of EmptyDir volume "cache" exceeds the limit "100". ', "evict greedy"]);
});

test("under memory pressure pods without requests do not begin, under disk pressure none", async () => {
  const { look, left, manager } = openNode([]);
  const burstable = pod("asks", { containers: [sampleContainer({ resources: { requests: { memory: "1Mi" } } })] });
  const tolerant = pod("tolerant", {
    tolerations: [{ key: "node.kubernetes.io/memory-pressure", operator: "Exists" }],
  });
  expect(manager.admit(pod("plain"))).toBeUndefined();
  left.memory = 50;
  await look();
  expect(manager.admit(pod("plain"))).toEqual({
    reason: "Evicted",
    message: "The node had condition: [MemoryPressure]. ",
  });
  expect([manager.admit(burstable), manager.admit(tolerant)]).toEqual([undefined, undefined]);
  left.disk = 50;
  await look();
  expect(manager.admit(burstable)?.message).toBe("The node had condition: [MemoryPressure DiskPressure]. ");
  expect(manager.admit(pod("critical", { priority: 2_000_000_000 }))).toBeUndefined();
});
