import { podInfo } from "../framework/cluster-state.ts";
import { definePlugin, fits, reject } from "../framework/plugin.ts";

/** A node has what a pod asks for, and room for one more pod. Scores the emptier node higher (LeastAllocated). */
export const nodeResourcesFit = definePlugin({
  name: "NodeResourcesFit",
  retryOn: ["Node/add", "Node/allocatable", "AssignedPod/delete", "Pod/update"],
  filter(pod, node) {
    const { requests } = podInfo(pod);
    const { allocatable } = node;
    const reasons: string[] = [];
    let preemptionHelps = true;
    const check = (name: string, wanted: number, used: number, capacity: number) => {
      if (wanted <= capacity - used) return;
      reasons.push(`Insufficient ${name}`);
      // More than the whole node has: no eviction makes room.
      if (wanted > capacity) preemptionHelps = false;
    };
    if (node.pods.size + 1 > node.podCapacity) reasons.push("Too many pods");
    if (requests.cpu > 0) check("cpu", requests.cpu, node.cpu, allocatable.cpu);
    if (requests.memory > 0) check("memory", requests.memory, node.memory, allocatable.memory);
    if (requests.ephemeralStorage > 0)
      check("ephemeral-storage", requests.ephemeralStorage, node.ephemeralStorage, allocatable.ephemeralStorage);
    for (const [name, wanted] of requests.others) {
      if (wanted > 0) check(name, wanted, node.others.get(name) ?? 0, allocatable.others.get(name) ?? 0);
    }
    return reasons.length === 0 ? fits : reject(reasons, { preemptionHelps });
  },
  score(pod, node) {
    const { scored } = podInfo(pod);
    const { cpu, memory } = node.allocatable;
    const parts = [
      [node.scoredCpu + scored.cpu, cpu],
      [node.scoredMemory + scored.memory, memory],
    ].filter(([, capacity]) => capacity! > 0);
    if (parts.length === 0) return 0;
    const free = parts.map(([used, capacity]) =>
      used! > capacity! ? 0 : Math.floor(((capacity! - used!) * 100) / capacity!),
    );
    return Math.floor(free.reduce((sum, share) => sum + share, 0) / parts.length);
  },
});

/** Prefers nodes whose CPU and memory would be used to about the same share. */
export const balancedAllocation = definePlugin({
  name: "NodeResourcesBalancedAllocation",
  retryOn: [],
  score(pod, node) {
    const { requests } = podInfo(pod);
    const { cpu, memory } = node.allocatable;
    const shares = [
      [node.cpu + requests.cpu, cpu],
      [node.memory + requests.memory, memory],
    ]
      .filter(([, capacity]) => capacity! > 0)
      .map(([used, capacity]) => Math.min(1, used! / capacity!));
    if (shares.length < 2) return 100;
    const deviation = Math.abs(shares[0]! - shares[1]!) / 2;
    return Math.floor((1 - deviation) * 100);
  },
});

const megabyte = 1024 * 1024;
/** Between these sizes (bytes, per container) the score of present images rises from 0 to 100 (as upstream). */
const smallImage = 23 * megabyte;
const largeImage = 1000 * megabyte;

/** Prefers nodes that have the pod's images, more so for images that many nodes have. */
export const imageLocality = definePlugin<ReadonlyMap<string, number>>({
  name: "ImageLocality",
  retryOn: [],
  prepareScore({ spec }, cluster) {
    const total = cluster.nodes.length;
    const spread = new Map<string, number>();
    for (const { image } of [...spec.containers, ...(spec.initContainers ?? [])]) {
      const name = normalized(image ?? "");
      if (!spread.has(name)) spread.set(name, cluster.nodes.filter((node) => node.images.has(name)).length / total);
    }
    return { kind: "ready", state: spread };
  },
  score({ spec }, node, spread) {
    const containers = [...spec.containers, ...(spec.initContainers ?? [])];
    const sum = containers.reduce((bytes, { image }) => {
      const name = normalized(image ?? "");
      return bytes + Math.floor((node.images.get(name) ?? 0) * (spread.get(name) ?? 0));
    }, 0);
    const most = largeImage * containers.length;
    const counted = Math.min(Math.max(sum, smallImage), most);
    return Math.floor((100 * (counted - smallImage)) / (most - smallImage));
  },
});

/** Names without a tag mean `latest`. */
function normalized(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
