import { ControllerRevision } from "../../api/apps/controller-revision.ts";
import { DaemonSet } from "../../api/apps/daemon-set.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { podAvailableIn } from "../../api/core/pod-state.ts";
import { type BackoffOptions, backoffDelay } from "../../lib/backoff.ts";
import { errorMessage } from "../../lib/fault.ts";
import { isEqual } from "../../machinery/equality.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { type KindRef, type KubeObject, keyOf, type ObjectKey } from "../../machinery/object.ts";
import {
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
  restAfter,
  watches,
} from "../framework/controller.ts";
import { deletePod } from "../framework/delete-pod.ts";
import { syncHistory, trimHistory } from "../framework/history.ts";
import { claim, controllerOf } from "../framework/ownership.ts";
import { podFromTemplate } from "../framework/pods.ts";
import { namespaceEnds } from "../framework/refusals.ts";
import { slowStart } from "../framework/slow-start.ts";
import { daemonTemplate, placementOn, revisionLabel, templateFor } from "./placement.ts";
import { type Plan, type PlanInput, place, update } from "./plan.ts";
import { statusOf } from "./status.ts";

const kindRef = DaemonSet as unknown as KindRef<KubeObject>;
/** At most so many pods are made or removed in one go (as upstream). */
const burst = 250;
/** Pods that fail again and again on a node are removed at growing intervals. */
const failurePause: BackoffOptions = { base: 1000, factor: 2, max: 900_000 };

/** Keeps one pod on each node that a DaemonSet selects. */
export function daemonSetController() {
  const failures = new Failures();
  return defineController({
    name: "daemonset",
    serviceAccount: "daemon-set-controller",
    for: DaemonSet,
    owns: [Pod],
    watches: [
      watches(Node, (node, previous, cache, change) => {
        if (previous && !matters(node, previous)) return [];
        const concerns = (set: DaemonSet) => {
          // The bound pods of a node that is gone are collected, which wakes the set (as upstream); others nobody collects.
          if (change === "deleted") return cache.ownedBy(Pod, set.metadata.uid).some(({ spec }) => !spec.nodeName);
          return !previous || !isEqual(placementOn(set, node), placementOn(set, previous));
        };
        return cache.list(DaemonSet).filter(concerns).map(keyOf);
      }),
      watches(Pod, (pod, previous, cache) =>
        controllerOf(pod)
          ? []
          : cache
              .list(DaemonSet, pod.metadata.namespace)
              .filter((set) => [pod, previous].some((each) => each && selects(set, each)))
              .map(keyOf),
      ),
    ],
    reads: [ControllerRevision as unknown as KindRef<KubeObject>],
    reconcile: (key, context) => reconcile(key, context, failures),
  });
}

const selects = ({ spec }: DaemonSet, { metadata }: KubeObject) =>
  selectorOfObject(spec.selector).matches(metadata.labels);

/** A node's heartbeats do not concern daemons. */
function matters(node: Node, previous: Node): boolean {
  return !isEqual(node.metadata.labels, previous.metadata.labels) || !isEqual(node.spec.taints, previous.spec.taints);
}

async function reconcile(key: ObjectKey, context: ReconcileContext, failures: Failures): Promise<ReconcileResult> {
  const { cache, client, clock, events } = context;
  const set = cache.get(DaemonSet, key);
  if (!set || set.metadata.deletionTimestamp) return done;
  const selector = selectorOfObject(set.spec.selector);
  if (selector.everything) {
    const message = "This daemon set is selecting all pods. A non-empty selector is required.";
    events.record(set, "Warning", "SelectingAll", message);
    return done;
  }
  const history = await syncHistory({
    context,
    kind: kindRef,
    owner: set,
    template: set.spec.template,
    matches: (labels) => selector.matches(labels),
    hashLabel: revisionLabel,
    collisionCount: set.status?.collisionCount,
    collided: () => {
      const { status = statusOf({ set, nodes: [], pods: [], hash: "", now: 0 }) } = set;
      return client.updateStatus(DaemonSet, {
        ...set,
        status: { ...status, collisionCount: (status.collisionCount ?? 0) + 1 },
      });
    },
  });
  const pods = await claim({
    client,
    kind: Pod,
    ownerKind: kindRef,
    owner: set,
    candidates: [...cache.ownedBy(Pod, set.metadata.uid), ...cache.orphans(Pod, key.namespace ?? "")],
    matches: (pod) => selects(set, pod),
  });
  const hash = history.current.metadata.labels?.[revisionLabel] ?? "";
  const input: PlanInput = { set, nodes: cache.list(Node), pods, hash, now: clock.now() };

  const placed = place(input);
  const over = removeEnded(set, placed, failures, context);
  let failure = await carryOut(set, { ...placed, remove: [...placed.remove, ...over.remove] }, hash, context);
  // Updates begin only where nothing else is left to do.
  const settled = placed.create.length + placed.remove.length + placed.ended.length === 0;
  const updated = settled ? update(input) : undefined;
  if (updated && !failure) failure = await carryOut(set, updated, hash, context);

  const status = statusOf(input);
  if (!isEqual(status, set.status)) await client.updateStatus(DaemonSet, { ...set, status });
  if (failure) throw failure.error;
  const inUse = new Set(pods.map(({ metadata }) => metadata.labels?.[revisionLabel]));
  await trimHistory(context, history.old, set.spec.revisionHistoryLimit ?? 10, ({ metadata }) =>
    inUse.has(metadata.labels?.[revisionLabel]),
  );
  const minimum = set.spec.minReadySeconds ?? 0;
  const waits = [...over.waits, ...pods.map((pod) => podAvailableIn(pod, minimum, input.now))].filter(
    (wait) => wait !== undefined,
  );
  const rest = restAfter(input.nodes.length + pods.length);
  return waits.length > 0 ? { ...rest, requeueAfter: Math.min(...waits) } : rest;
}

/** When daemon pods of a node last failed, and how long to wait before the next is removed. */
class Failures {
  readonly #known = new Map<string, { readonly count: number; readonly at: number }>();

  /** Milliseconds to wait before the failed pod of a node may go; 0, and it is counted, when it may go now. */
  wait(key: string, now: number): number {
    const known = this.#known.get(key);
    if (known) {
      const left = known.at + backoffDelay(failurePause, known.count) - now;
      if (left > 0) return left;
    }
    const forgotten = known && now - known.at > 2 * failurePause.max;
    this.#known.set(key, { count: known && !forgotten ? known.count + 1 : 1, at: now });
    for (const [other, { at }] of this.#known) if (now - at > 2 * failurePause.max) this.#known.delete(other);
    return 0;
  }
}

function removeEnded(
  set: DaemonSet,
  { ended }: Plan,
  failures: Failures,
  { events, clock }: ReconcileContext,
): { readonly remove: readonly Pod[]; readonly waits: readonly number[] } {
  const remove: Pod[] = [];
  const waits: number[] = [];
  for (const { pod, node } of ended) {
    const { namespace, name } = pod.metadata;
    if (pod.status?.phase === "Succeeded") {
      const message = `Found succeeded daemon pod ${namespace}/${name} on node ${node}, will try to delete it`;
      events.record(set, "Normal", "SucceededDaemonPod", message);
      remove.push(pod);
      continue;
    }
    const wait = failures.wait(`${set.metadata.uid}/${set.metadata.generation}/${node}`, clock.now());
    if (wait > 0) {
      waits.push(wait);
      continue;
    }
    const message = `Found failed daemon pod ${namespace}/${name} on node ${node}, will try to kill it`;
    events.record(set, "Warning", "FailedDaemonPod", message);
    remove.push(pod);
  }
  return { remove, waits };
}

async function carryOut(
  set: DaemonSet,
  { create, remove }: Plan,
  hash: string,
  { client, events }: ReconcileContext,
): Promise<{ readonly error: unknown } | undefined> {
  const template = daemonTemplate(set, hash);
  try {
    await slowStart(Math.min(create.length, burst), async (index) => {
      const draft = podFromTemplate(DaemonSet, set, templateFor(template, create[index] ?? ""));
      const pod = await client.create(Pod, draft);
      events.record(set, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    });
  } catch (error) {
    if (namespaceEnds(error)) return undefined;
    events.record(set, "Warning", "FailedCreate", `Error creating: ${errorMessage(error)}`);
    return { error };
  }
  try {
    await Promise.all(
      remove.slice(0, burst).map(async (pod) => {
        if (!(await deletePod(client, pod))) return;
        events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
      }),
    );
  } catch (error) {
    events.record(set, "Warning", "FailedDelete", `Error deleting: ${errorMessage(error)}`);
    return { error };
  }
  return undefined;
}
