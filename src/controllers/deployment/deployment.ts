import { Deployment } from "../../api/apps/deployment.ts";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { Pod } from "../../api/core/pod.ts";
import { isPodTerminal } from "../../api/core/pod-state.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { type KindRef, type KubeObject, keyOf, type ObjectKey } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import {
  type Cache,
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
  watches,
} from "../framework/controller.ts";
import { claim, controllerOf } from "../framework/ownership.ts";
import { conditionOf, deadlineIn, hasDeadline, isComplete, withCondition } from "./conditions.ts";
import { type Synced, split, syncRevision } from "./current-set.ts";
import { rollBack, rollbackTo } from "./rollback.ts";
import {
  allSets,
  beyondHistory,
  currentSize,
  isAlive,
  isRolling,
  isScaling,
  proportionalSizes,
  type Sets,
  shrinkOld,
  sizeOf,
} from "./sizes.ts";
import { rolloutStatus, statusOf } from "./status.ts";
import { resize, writeStatus } from "./writes.ts";

/** Rolls Deployments out by way of ReplicaSets, one per template. */
export const deploymentController = defineController({
  name: "deployment",
  for: Deployment,
  owns: [ReplicaSet],
  watches: [
    watches(ReplicaSet, (set, previous, cache) =>
      controllerOf(set)
        ? []
        : cache
            .list(Deployment, set.metadata.namespace)
            .filter((deployment) => [set, previous].some((each) => each && selects(deployment, each)))
            .map(keyOf),
    ),
    // Only one that waits for old pods to be gone needs to hear of pods.
    watches(Pod, (pod, _previous, cache) => {
      const deployment = deploymentOfPod(pod, cache);
      return deployment && !isRolling(deployment) ? [keyOf(deployment)] : [];
    }),
  ],
  reconcile,
});

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult> {
  const { cache, client, events, clock } = context;
  const known = cache.get(Deployment, key);
  if (!known) return done;
  if (selectorOfObject(known.spec.selector).everything) {
    const message = "This deployment is selecting all pods. A non-empty selector is required.";
    events.record(known, "Warning", "SelectingAll", message);
    const { generation } = known.metadata;
    if (generation !== undefined)
      await writeStatus(known, { ...known.status, observedGeneration: generation }, context);
    return done;
  }
  const owned = await claim({
    client,
    kind: ReplicaSet,
    ownerKind: Deployment as unknown as KindRef<KubeObject>,
    owner: known,
    candidates: [...cache.ownedBy(ReplicaSet, known.metadata.uid), ...cache.orphans(ReplicaSet, key.namespace ?? "")],
    matches: (set) => selects(known, set),
  });
  if (known.metadata.deletionTimestamp) {
    const { deployment, sets } = await syncRevision(known, split(known, owned), context, { create: false });
    await writeStatus(deployment, statusOf(deployment, sets, clock.now()), context);
    return done;
  }
  const deployment = await notePause(known, context);
  const sets = split(deployment, owned);
  if (deployment.spec.paused) return await scaleOnly(deployment, sets, context);
  const asked = rollbackTo(deployment);
  if (asked !== undefined) {
    await rollBack(await syncRevision(deployment, sets, context, { create: true }), asked, context);
    return done;
  }
  if (isScaling(deployment, sets)) return await scaleOnly(deployment, sets, context);
  const synced = isRolling(deployment)
    ? await roll(deployment, sets, context)
    : await recreate(deployment, sets, context);
  return await finish(synced, context);
}

const selects = ({ spec }: Deployment, set: ReplicaSet) => selectorOfObject(spec.selector).matches(set.metadata.labels);

function deploymentOfPod(pod: Pod, cache: Cache): Deployment | undefined {
  const owner = controllerOf(pod);
  if (owner?.kind !== ReplicaSet.kind) return undefined;
  const { namespace } = pod.metadata;
  const set = cache.get(ReplicaSet, { namespace, name: owner.name });
  const next = set && controllerOf(set);
  return next?.kind === Deployment.kind ? cache.get(Deployment, { namespace, name: next.name }) : undefined;
}

/** A pause stops the progress deadline's watch, going on starts it anew. */
async function notePause(deployment: Deployment, context: ReconcileContext): Promise<Deployment> {
  if (!hasDeadline(deployment)) return deployment;
  const known = conditionOf(deployment.status, "Progressing");
  if (known?.reason === "ProgressDeadlineExceeded") return deployment;
  const paused = deployment.spec.paused === true;
  if (paused === (known?.reason === "DeploymentPaused")) return deployment;
  const [reason, message] = paused
    ? ["DeploymentPaused", "Deployment is paused"]
    : ["DeploymentResumed", "Deployment is resumed"];
  const conditions = withCondition(
    deployment.status?.conditions ?? [],
    { type: "Progressing", status: "Unknown", reason: reason ?? "", message: message ?? "" },
    context.clock.now(),
  );
  return await writeStatus(deployment, { ...deployment.status, conditions }, context);
}

/** The size changed, or nothing but the size may change: every ReplicaSet keeps its share. */
async function scaleOnly(known: Deployment, owned: Sets, context: ReconcileContext): Promise<ReconcileResult> {
  const { deployment, sets: numbered } = await syncRevision(known, owned, context, { create: false });
  const sets = await resize(deployment, numbered, proportionalSizes(deployment, numbered), context);
  if (deployment.spec.paused && rollbackTo(deployment) === undefined) await forgetOld(deployment, sets, context);
  await writeStatus(deployment, statusOf(deployment, sets, context.clock.now()), context);
  return done;
}

async function roll(known: Deployment, owned: Sets, context: ReconcileContext): Promise<Synced> {
  const { deployment, sets } = await syncRevision(known, owned, context, { create: true });
  const { current } = sets;
  if (!current) return { deployment, sets };
  const size = currentSize(deployment, allSets(sets), sizeOf(current));
  if (size !== sizeOf(current)) {
    return { deployment, sets: await resize(deployment, sets, [{ set: current, replicas: size }], context) };
  }
  return { deployment, sets: await resize(deployment, sets, shrinkOld(deployment, sets), context) };
}

async function recreate(known: Deployment, owned: Sets, context: ReconcileContext): Promise<Synced> {
  const { deployment, sets } = await syncRevision(known, owned, context, { create: false });
  const alive = sets.old.filter(isAlive);
  if (alive.length > 0) {
    const plan = alive.map((set) => ({ set, replicas: 0 }));
    return { deployment, sets: await resize(deployment, sets, plan, context) };
  }
  if (sets.old.some((set) => context.cache.ownedBy(Pod, set.metadata.uid).some((pod) => !isPodTerminal(pod)))) {
    return { deployment, sets };
  }
  const made = sets.current ? { deployment, sets } : await syncRevision(deployment, sets, context, { create: true });
  const { current } = made.sets;
  if (!current) return made;
  const plan = [{ set: current, replicas: currentSize(made.deployment, [current], sizeOf(current)) }];
  const scaled =
    sizeOf(current) === plan[0]?.replicas ? made.sets : await resize(made.deployment, made.sets, plan, context);
  return { deployment: made.deployment, sets: scaled };
}

async function finish({ deployment, sets }: Synced, context: ReconcileContext): Promise<ReconcileResult> {
  if (isComplete(deployment, deployment.status ?? {})) await forgetOld(deployment, sets, context);
  const now = context.clock.now();
  const status = rolloutStatus(deployment, sets, now);
  const written = await writeStatus(deployment, status, context);
  const wait = deadlineIn(written, status, now);
  return wait === undefined ? done : { requeueAfter: wait };
}

async function forgetOld(deployment: Deployment, sets: Sets, { client }: ReconcileContext): Promise<void> {
  for (const set of beyondHistory(deployment, sets)) {
    try {
      await client.delete(ReplicaSet, keyOf(set));
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}
