import { isNodeReady, Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { isPodTerminal } from "../../api/core/pod-state.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { declared, defineLoop, type ReconcileContext } from "../framework/controller.ts";
import { type Disruption, evictPod } from "../framework/pod-disruption.ts";

/** As upstream: a look every 20 s; a node must be missing for 40 s; so many finished pods are kept. */
const period = 20_000;
const quarantine = 40_000;
const finishedKept = 12_500;
const outOfService = "node.kubernetes.io/out-of-service";

export interface PodCollectorOptions {
  /** Finished pods beyond this number are deleted, the oldest first; 0 keeps all. */
  readonly finishedKept: number;
}

/** Deletes pods that nobody else can: of nodes that are gone, never bound ones that are being deleted, too many finished ones. */
export function podCollector(options: PodCollectorOptions = { finishedKept }) {
  return defineLoop({
    name: "podgc",
    serviceAccount: "pod-garbage-collector",
    eventSource: "pod-garbage-collector-controller",
    meters: declared(collectorMetrics),
    reads: [Node, Pod] as readonly unknown[] as readonly KindRef<KubeObject>[],
    async run(context) {
      /** When a node was first missed, by name. */
      const missed = new Map<string, number>();
      while (!context.signal.aborted) {
        await collect(missed, options, context);
        await context.clock.sleep(period, context.signal).catch(() => {});
      }
    },
  });
}

/** Why a pod is collected, in the words of upstream's metrics. */
type Reason = "terminated" | "orphaned" | "out-of-service" | "unscheduled";

function collectorMetrics(metrics: Metrics) {
  const labels = ["namespace", "reason"] as const;
  return {
    deleted: metrics.counter("pod_gc_collector_force_delete_pods_total", "Pods that were collected.", labels),
    failed: metrics.counter(
      "pod_gc_collector_force_delete_pod_errors_total",
      "Pods that could not be collected.",
      labels,
    ),
  };
}

async function collect(
  missed: Map<string, number>,
  options: PodCollectorOptions,
  context: ReconcileContext,
): Promise<void> {
  const { cache, log, metrics } = context;
  const meter = metrics.meter(collectorMetrics);
  const pods = cache.list(Pod);
  const gone = await goneNodes(pods, missed, context);
  const doomed = new Map<Pod, { readonly why: Reason; readonly disruption?: Disruption }>();
  const byPodGc = (message: string): Disruption => ({ reason: "DeletionByPodGC", message, force: true });
  for (const pod of surplus(pods, options.finishedKept)) doomed.set(pod, { why: "terminated" });
  for (const pod of pods) {
    const { nodeName } = pod.spec;
    if (nodeName && gone.has(nodeName))
      doomed.set(pod, { why: "orphaned", disruption: byPodGc("PodGC: node no longer exists") });
    else if (!pod.metadata.deletionTimestamp) continue;
    else if (!nodeName) doomed.set(pod, { why: "unscheduled" });
    else if (isOutOfService(cache.get(Node, { name: nodeName }))) {
      const disruption = byPodGc("PodGC: terminating pod on a node with out-of-service taint");
      doomed.set(pod, { why: "out-of-service", disruption });
    }
  }
  for (const [pod, { why, disruption }] of doomed) {
    const labels = { namespace: pod.metadata.namespace, reason: why };
    try {
      await remove(pod, disruption, context);
      meter.deleted.inc(labels);
    } catch (error) {
      meter.failed.inc(labels);
      log.warn(`pod ${pod.metadata.namespace}/${pod.metadata.name} not collected: ${errorMessage(error)}`);
    }
  }
}

async function remove(
  pod: Pod,
  disruption: Disruption | undefined,
  { client, clock }: ReconcileContext,
): Promise<void> {
  if (disruption) return await evictPod(client, pod, clock.now(), disruption);
  const { namespace, name, uid } = pod.metadata;
  try {
    await client.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (!isStatus(error, "NotFound", "Conflict")) throw error;
  }
}

/** Nodes that pods are bound to, that have been missing for long enough, and that the server does not know either. */
async function goneNodes(
  pods: readonly Pod[],
  missed: Map<string, number>,
  { cache, client, clock }: ReconcileContext,
): Promise<ReadonlySet<string>> {
  const bound = new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []));
  const gone = new Set<string>();
  for (const name of missed.keys()) if (!bound.has(name) || cache.get(Node, { name })) missed.delete(name);
  for (const name of bound) {
    if (cache.get(Node, { name })) continue;
    const since = missed.get(name) ?? clock.now();
    missed.set(name, since);
    if (clock.now() - since >= quarantine && !(await exists(name, client))) gone.add(name);
  }
  return gone;
}

async function exists(name: string, client: ReconcileContext["client"]): Promise<boolean> {
  try {
    await client.get(Node, { name });
    return true;
  } catch (error) {
    if (isStatus(error, "NotFound")) return false;
    throw error;
  }
}

function isOutOfService(node: Node | undefined): boolean {
  return node !== undefined && !isNodeReady(node) && (node.spec.taints ?? []).some(({ key }) => key === outOfService);
}

/** Finished pods beyond the number to keep: evicted ones first, then the oldest. */
function surplus(pods: readonly Pod[], keep: number): readonly Pod[] {
  const finished = keep > 0 ? pods.filter(isPodTerminal) : [];
  if (finished.length <= keep) return [];
  const evicted = ({ status }: Pod) => (status?.phase === "Failed" && status.reason === "Evicted" ? 0 : 1);
  const created = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp);
  return finished.sort((a, b) => evicted(a) - evicted(b) || created(a) - created(b)).slice(0, finished.length - keep);
}
