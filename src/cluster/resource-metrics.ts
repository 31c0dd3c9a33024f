import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import type { NodeMetrics as NodeUsage, PodMetrics as PodUsage } from "../api/generated/metrics-v1beta1.ts";
import type { Kind } from "../api/kind.ts";
import { NodeMetrics } from "../api/metrics/node-metrics.ts";
import { PodMetrics } from "../api/metrics/pod-metrics.ts";
import type { ResourceFigures, Usage } from "../controllers/metrics-server/figures.ts";
import type { KindRef } from "../machinery/object.ts";
import { canonicalQuantity, quantityOf } from "../machinery/quantity.ts";
import { formatDuration, timeOf } from "../machinery/times.ts";
import type { Registry } from "../registry/registry.ts";
import type { AnyObject } from "../registry/resource.ts";
import type { ComputedKind, ComputedScope } from "../server/resources/computed.ts";

/** The kinds of metrics.k8s.io, made from what the nodes told last. */
export function resourceMetricsKinds(figures: ResourceFigures): readonly ComputedKind[] {
  return [
    {
      kind: NodeMetrics as unknown as Kind,
      objects: async (registry, scope) =>
        (await objectsOf<Node>(registry, Node, scope)).flatMap((node) => {
          const used = figures.node(node.metadata.name);
          return used ? [nodeUsage(registry, node, used) as unknown as AnyObject] : [];
        }),
    },
    {
      kind: PodMetrics as unknown as Kind,
      objects: async (registry, scope) =>
        (await objectsOf<Pod>(registry, Pod, scope)).flatMap((pod) => {
          const { name, namespace } = pod.metadata;
          const used =
            pod.status?.phase === "Running" ? figures.pod(pod.spec.nodeName ?? "", namespace, name) : undefined;
          return used?.size ? [podUsage(registry, pod, used) as unknown as AnyObject] : [];
        }),
    },
  ];
}

async function objectsOf<T>(registry: Registry, kind: KindRef<T>, scope: ComputedScope): Promise<readonly T[]> {
  const { cache, resource } = registry.of(kind);
  await cache.current();
  if (scope.name !== undefined) {
    const held = cache.get(resource.key(scope.namespace, scope.name));
    return held ? [held.object as unknown as T] : [];
  }
  const range = scope.namespace ? resource.rangeOf(scope.namespace) : resource.range;
  return Array.from(cache.range(range), ({ object }) => object as unknown as T);
}

const resources = ({ nanoCores, memory }: Usage) => ({
  cpu: canonicalQuantity(`${nanoCores}n`),
  memory: quantityOf(memory, "BinarySI"),
});

/** Whose figures these are, and of when. */
function head({ clock }: Registry, { metadata }: Node | Pod, { at, window }: Pick<Usage, "at" | "window">) {
  const { name, namespace, labels } = metadata;
  return {
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      creationTimestamp: timeOf(clock.now()),
      ...(labels ? { labels } : {}),
    },
    timestamp: timeOf(at),
    window: formatDuration(BigInt(Math.round(window)) * 1_000_000n),
  };
}

function nodeUsage(registry: Registry, node: Node, used: Usage): NodeUsage {
  const { apiVersion, kind } = NodeMetrics;
  return { apiVersion, kind, ...head(registry, node, used), usage: resources(used) } as unknown as NodeUsage;
}

/** A pod's figures are as old as the oldest of its containers'. */
function podUsage(registry: Registry, pod: Pod, used: ReadonlyMap<string, Usage>): PodUsage {
  const { apiVersion, kind } = PodMetrics;
  const oldest = [...used.values()].reduce((one, other) => (other.at < one.at ? other : one));
  const containers = Array.from(used, ([name, usage]) => ({ name, usage: resources(usage) }));
  return { apiVersion, kind, ...head(registry, pod, oldest), containers } as unknown as PodUsage;
}
