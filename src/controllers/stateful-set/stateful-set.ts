import { ControllerRevision } from "../../api/apps/controller-revision.ts";
import { StatefulSet } from "../../api/apps/stateful-set.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { isEqual } from "../../machinery/equality.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { type KindRef, type KubeObject, keyOf, type ObjectKey } from "../../machinery/object.ts";
import {
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
  watches,
} from "../framework/controller.ts";
import { type History, syncHistory, templateIn, trimHistory } from "../framework/history.ts";
import { claim, controllerOf } from "../framework/ownership.ts";
import { slowStart } from "../framework/slow-start.ts";
import { ordinalOf, revisionLabel } from "./identity.ts";
import { nextAvailable, plan, type Step } from "./plan.ts";
import { statusOf } from "./status.ts";
import { type Revision, take } from "./steps.ts";

const hashLabel = "controller.kubernetes.io/hash";
const kindRef = StatefulSet as unknown as KindRef<KubeObject>;

/** Keeps pods with lasting names, each with its own claims, coming and going in order. */
export const statefulSetController = defineController({
  name: "statefulset",
  for: StatefulSet,
  owns: [Pod],
  watches: [
    watches(Pod, (pod, previous, cache) =>
      controllerOf(pod)
        ? []
        : cache
            .list(StatefulSet, pod.metadata.namespace)
            .filter((set) => [pod, previous].some((each) => each && selects(set, each)))
            .map(keyOf),
    ),
    // A pod may wait for an earlier claim of its name to be gone.
    watches(PersistentVolumeClaim, ({ metadata }, _previous, cache) =>
      cache
        .list(StatefulSet, metadata.namespace)
        .filter((set) =>
          set.spec.volumeClaimTemplates?.some((template) =>
            metadata.name.startsWith(`${template.metadata.name}-${set.metadata.name}-`),
          ),
        )
        .map(keyOf),
    ),
  ],
  reads: [ControllerRevision as unknown as KindRef<KubeObject>],
  reconcile,
});

const selects = ({ spec }: StatefulSet, { metadata }: KubeObject) =>
  selectorOfObject(spec.selector).matches(metadata.labels);

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult> {
  const { cache, client, clock } = context;
  const set = cache.get(StatefulSet, key);
  // What a set that is being deleted has left behind, revisions and pods, is no longer its own.
  if (!set || set.metadata.deletionTimestamp) return done;
  const history = await syncHistory({
    context,
    kind: kindRef,
    owner: set,
    template: set.spec.template,
    matches: (labels) => selectorOfObject(set.spec.selector).matches(labels),
    hashLabel,
    collisionCount: set.status?.collisionCount,
    collided: () => {
      const collisionCount = (set.status?.collisionCount ?? 0) + 1;
      return client.updateStatus(StatefulSet, { ...set, status: { replicas: 0, ...set.status, collisionCount } });
    },
  });
  const pods = await claim({
    client,
    kind: Pod,
    ownerKind: kindRef,
    owner: set,
    candidates: [...cache.ownedBy(Pod, set.metadata.uid), ...cache.orphans(Pod, key.namespace ?? "")],
    matches: (pod) => selects(set, pod) && ordinalOf(set, pod.metadata.name) !== undefined,
  });
  const current = currentRevision(set, history);
  const update = history.current;
  const now = clock.now();
  const input = {
    set,
    pods,
    currentRevision: current.metadata.name,
    updateRevision: update.metadata.name,
    now,
  };
  const failure = await takeAll(set, plan(input), { current: revision(current), update: revision(update) }, context);
  const status = statusOf(input);
  if (!isEqual(status, set.status)) await client.updateStatus(StatefulSet, { ...set, status });
  if (failure) throw failure.error;

  const inUse = new Set([current.metadata.name, ...pods.map(({ metadata }) => metadata.labels?.[revisionLabel])]);
  await trimHistory(context, history.old, set.spec.revisionHistoryLimit ?? 10, ({ metadata }) =>
    inUse.has(metadata.name),
  );
  const wait = nextAvailable(input);
  return wait === undefined ? done : { requeueAfter: wait };
}

const revision = (of: ControllerRevision): Revision => ({ name: of.metadata.name, template: templateIn(of) });

/** The revision that pods are coming from; a set that never had one begins with its first. */
function currentRevision(set: StatefulSet, { current, old }: History): ControllerRevision {
  const name = set.status?.currentRevision;
  return [current, ...old].find(({ metadata }) => metadata.name === name) ?? current;
}

/** Steps of an ordered set are taken one after the other, those of a parallel one in growing batches. */
async function takeAll(
  set: StatefulSet,
  steps: readonly Step[],
  revisions: Readonly<Record<"current" | "update", Revision>>,
  context: ReconcileContext,
): Promise<{ readonly error: unknown } | undefined> {
  const step = (each: Step) => take(set, each, revisions, context);
  try {
    if (set.spec.podManagementPolicy === "Parallel") {
      const first = steps.filter(({ act }) => act !== "delete");
      const last = steps.filter(({ act }) => act === "delete");
      await slowStart(first.length, (index) => step(first[index]!));
      await slowStart(last.length, (index) => step(last[index]!));
    } else {
      for (const each of steps) await step(each);
    }
    return undefined;
  } catch (error) {
    return { error };
  }
}
