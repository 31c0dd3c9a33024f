import type { Container } from "../../api/generated/core-v1.ts";
import type { ClusterState } from "../framework/cluster-state.ts";
import { definePlugin, ready, skip } from "../framework/plugin.ts";

const megabyte = 1024 * 1024;
/** Between these sizes (bytes, per container) the score of present images rises from 0 to 100 (as upstream). */
const smallImage = 23 * megabyte;
const largeImage = 1000 * megabyte;

interface Wanted {
  readonly images: readonly { readonly name: string; readonly spread: number }[];
  readonly most: number;
}

interface ImageCounts {
  readonly generation: number;
  readonly nodes: ReadonlyMap<string, number>;
}

/** Prefers nodes that have the pod's images, more so for images that many nodes have. */
export function imageLocality() {
  const known = new WeakMap<ClusterState, ImageCounts>();
  const holders = (cluster: ClusterState): ReadonlyMap<string, number> => {
    const { imagesGeneration: generation } = cluster;
    const counted = known.get(cluster);
    if (counted?.generation === generation) return counted.nodes;
    const nodes = new Map<string, number>();
    for (const { images } of cluster.nodes)
      for (const name of images.keys()) nodes.set(name, (nodes.get(name) ?? 0) + 1);
    known.set(cluster, { generation, nodes });
    return nodes;
  };
  return definePlugin<undefined, Wanted>({
    name: "ImageLocality",
    retryOn: [],
    prepareScore({ spec }, cluster) {
      const containers: readonly Container[] = [...spec.containers, ...(spec.initContainers ?? [])];
      const counts = holders(cluster);
      const total = cluster.nodes.length;
      const images = containers.flatMap(({ image }) => {
        const name = normalized(image ?? "");
        const count = counts.get(name);
        return count ? [{ name, spread: count / total }] : [];
      });
      // Nobody has any of them, so nobody is better.
      if (images.length === 0) return skip;
      return ready({ images, most: largeImage * containers.length });
    },
    score(_pod, node, { images, most }) {
      let sum = 0;
      for (const { name, spread } of images) sum += Math.floor((node.images.get(name) ?? 0) * spread);
      const counted = Math.min(Math.max(sum, smallImage), most);
      return Math.floor((100 * (counted - smallImage)) / (most - smallImage));
    },
  });
}

/** Names without a tag mean `latest`. */
function normalized(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
