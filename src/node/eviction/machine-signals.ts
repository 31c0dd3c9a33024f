import type { Stats } from "node:fs";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { qosOf } from "../pods/qos.ts";
import type { Cgroups } from "../runtime/cgroups.ts";
import { podLogDirectory, runtimeLabels } from "../runtime/labels.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import type { Observation, Observations } from "./assess.ts";
import type { SignalSource } from "./eviction-manager.ts";
import type { ContainerUsage, PodUsage } from "./usage.ts";

export interface MachineSignalsOptions {
  readonly runtime: ContainerRuntime;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  /** The node's own files; what is free there is `nodefs`. */
  readonly dataFolder: string;
  /** Folders of pods' volumes and logs. */
  readonly podsFolder: string;
  readonly logRoot: string;
}

/** The signals of the machine this runs on: the kernel's control groups, file systems and process table. */
export function machineSignals(options: MachineSignalsOptions): SignalSource {
  const { runtime, cgroups, clock, dataFolder } = options;
  let imageFolder: string | undefined;
  const imageFs = async () => {
    imageFolder ??= (await runtime.imageFsInfo()).images[0]?.mountpoint;
    return imageFolder && existsSync(imageFolder) ? imageFolder : dataFolder;
  };
  return {
    async observe(): Promise<Observations> {
      const at = clock.now();
      const [memory, images] = await Promise.all([cgroups.usage("/"), imageFs()]);
      const nodefs = fileSystem(dataFolder, at);
      const imagefs = fileSystem(images, at);
      return {
        "memory.available": memoryLeft(memory?.workingSetBytes, at),
        "nodefs.available": nodefs.bytes,
        ...(nodefs.inodes ? { "nodefs.inodesFree": nodefs.inodes } : {}),
        "imagefs.available": imagefs.bytes,
        ...(imagefs.inodes ? { "imagefs.inodesFree": imagefs.inodes } : {}),
        "pid.available": processesLeft(at),
      };
    },
    async hasImageFs() {
      const [own, images] = await Promise.all([stat(dataFolder), imageFs().then((path) => stat(path))]);
      return own.dev !== images.dev;
    },
    async usageOf(pods, { disk }) {
      const stats = Map.groupBy(await runtime.listContainerStats(), ({ labels }) => labels[runtimeLabels.podUid] ?? "");
      const found = new Map<string, PodUsage>();
      for (const pod of pods) {
        const own = stats.get(pod.metadata.uid) ?? [];
        const containers = new Map<string, ContainerUsage>();
        for (const { metadata, memory, writableLayer } of own)
          containers.set(metadata.name, {
            ...given("memory", memory?.workingSetBytes),
            ...given("layer", writableLayer?.usedBytes),
            ...given("layerInodes", writableLayer?.inodesUsed),
            ...(disk ? { logs: (await folderUsage(logFolder(options, pod, metadata.name))).bytes } : {}),
          });
        const processes = (await cgroups.usage(cgroups.podPath(qosOf(pod), pod.metadata.uid)))?.processes;
        const volumes = disk ? await volumesOf(options, pod) : new Map();
        found.set(pod.metadata.uid, { containers, volumes, ...given("processes", processes) });
      }
      return found;
    },
  };
}

function given<K extends string>(key: K, value: number | undefined): Partial<Record<K, number>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<K, number>>);
}

function logFolder({ logRoot }: MachineSignalsOptions, { metadata }: Pod, container: string): string {
  const { name, namespace, uid } = metadata;
  return join(podLogDirectory(logRoot, { podName: name, podNamespace: namespace, podUid: uid }), container);
}

/** Volumes that lie on the node's disk: what is mounted from elsewhere, memory too, is not counted. */
async function volumesOf({ podsFolder }: MachineSignalsOptions, { metadata, spec }: Pod): Promise<PodUsage["volumes"]> {
  const plugins: Readonly<Record<string, string>> = { emptyDir: "empty-dir", configMap: "configmap" };
  const found = new Map<string, { readonly bytes: number; readonly inodes: number }>();
  for (const volume of spec.volumes ?? []) {
    const plugin = Object.keys(volume).find((key) => plugins[key]);
    if (!plugin || volume.emptyDir?.medium === "Memory") continue;
    const path = join(podsFolder, metadata.uid, "volumes", `kubernetes.io~${plugins[plugin]}`, volume.name);
    found.set(volume.name, await folderUsage(path));
  }
  return found;
}

/** Bytes and inodes that a folder takes on its disk; other file systems below it and second names of a file do not count. */
export async function folderUsage(path: string): Promise<{ readonly bytes: number; readonly inodes: number }> {
  const top = await lstat(path).catch(() => undefined);
  if (!top) return { bytes: 0, inodes: 0 };
  const linked = new Set<number>();
  let bytes = 0;
  let inodes = 0;
  const walk = async (place: string, stats: Stats): Promise<void> => {
    if (stats.dev !== top.dev) return;
    if (stats.nlink > 1 && !stats.isDirectory()) {
      if (linked.has(stats.ino)) return;
      linked.add(stats.ino);
    }
    bytes += stats.blocks * 512;
    inodes += 1;
    if (!stats.isDirectory()) return;
    for (const name of await readdir(place).catch(() => [])) {
      const below = join(place, name);
      const found = await lstat(below).catch(() => undefined);
      if (found) await walk(below, found);
    }
  };
  await walk(path, top);
  return { bytes, inodes };
}

function fileSystem(path: string, at: number) {
  const { bavail, blocks, bsize, ffree, files } = statfsSync(path);
  return {
    bytes: { available: bavail * bsize, capacity: blocks * bsize, at },
    // Some file systems make inodes as they are needed and count none.
    inodes: files > 0 ? { available: ffree, capacity: files, at } : undefined,
  };
}

/** Upstream's rule: the machine's memory without what the top control group works with. */
function memoryLeft(workingSet: number | undefined, at: number): Observation {
  const capacity = totalmem();
  const found = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"));
  const available = workingSet === undefined ? Number(found?.[1] ?? 0) * 1024 : Math.max(0, capacity - workingSet);
  return { available, capacity, at };
}

function processesLeft(at: number): Observation {
  const limit = (name: string) => Number(readFileSync(`/proc/sys/kernel/${name}`, "utf8"));
  const capacity = Math.min(limit("pid_max"), limit("threads-max"));
  const running = Number(/\/(\d+) /.exec(readFileSync("/proc/loadavg", "utf8"))?.[1] ?? 0);
  return { available: Math.max(0, capacity - running), capacity, at };
}
