import type { Deployment } from "../../api/apps/deployment.ts";
import type { ReplicaSet } from "../../api/apps/replica-set.ts";
import { resolveIntOrPercent } from "../framework/int-or-percent.ts";
import { revisionOf } from "./revisions.ts";

/** On every ReplicaSet: the Deployment's size when the set was last scaled, and that size with the surge. */
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** A Deployment's ReplicaSets: the one with its template, if there is one yet, and all others. */
export interface Sets {
  readonly current: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

/** Sizes that ReplicaSets shall have. */
export type Resize = readonly { readonly set: ReplicaSet; readonly replicas: number }[];

export const replicasOf = ({ spec }: Deployment): number => spec.replicas ?? 1;
export const sizeOf = ({ spec }: ReplicaSet): number => spec.replicas ?? 1;
export const availableOf = ({ status }: ReplicaSet): number => status?.availableReplicas ?? 0;
export const allSets = ({ current, old }: Sets): readonly ReplicaSet[] => (current ? [...old, current] : old);
export const isAlive = (set: ReplicaSet): boolean => sizeOf(set) > 0;
export const isRolling = ({ spec }: Deployment): boolean => spec.strategy?.type !== "Recreate";
const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number) =>
  sets.reduce((total, set) => total + of(set), 0);

/** How many pods more, and how many available pods fewer, than asked for there may be during a rolling update. */
export function boundsOf(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 };
  const replicas = replicasOf(deployment);
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(maxSurge, replicas, "up");
  const fewer = resolveIntOrPercent(maxUnavailable, replicas, "down");
  // Neither more nor fewer would be a rollout that never moves.
  const unavailable = surge === 0 && fewer === 0 ? 1 : fewer;
  return { surge, unavailable: Math.min(unavailable, replicas) };
}

/** The annotations by which a later reconcile knows what a ReplicaSet was scaled for. */
export function sizeAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const replicas = replicasOf(deployment);
  return { [desiredAnnotation]: `${replicas}`, [maxAnnotation]: `${replicas + boundsOf(deployment).surge}` };
}

function annotatedNumber(set: ReplicaSet, name: string): number | undefined {
  const text = set.metadata.annotations?.[name];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Whether the Deployment was scaled since its ReplicaSets were, as opposed to being rolled out. */
export function isScaling(deployment: Deployment, sets: Sets): boolean {
  return allSets(sets).some((set) => {
    const desired = annotatedNumber(set, desiredAnnotation);
    return isAlive(set) && desired !== undefined && desired !== replicasOf(deployment);
  });
}

/** The size that the ReplicaSet of the current template, now of `size`, may have. */
export function currentSize(deployment: Deployment, all: readonly ReplicaSet[], size: number): number {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment) || size > wanted) return wanted;
  const room = wanted + boundsOf(deployment).surge - sum(all, sizeOf);
  return room <= 0 ? size : size + Math.min(room, wanted - size);
}

/** How far the old ReplicaSets may shrink now, so that enough pods stay available. Unhealthy pods go first. */
export function shrinkOld(deployment: Deployment, { current, old }: Sets): Resize {
  const alive = old.filter(isAlive);
  if (!current || alive.length === 0) return [];
  const least = replicasOf(deployment) - boundsOf(deployment).unavailable;
  const stillComing = sizeOf(current) - availableOf(current);
  const spare = sum([...alive, current], sizeOf) - least - stillComing;
  if (spare <= 0) return [];

  const byAge = [...alive].sort(byCreation);
  const sizes = new Map(byAge.map((set) => [set, sizeOf(set)]));
  const shrink = (set: ReplicaSet, by: number) => sizes.set(set, (sizes.get(set) ?? 0) - by);
  let left = spare;
  for (const set of byAge) {
    const unhealthy = Math.min(left, Math.max(0, sizeOf(set) - availableOf(set)));
    shrink(set, unhealthy);
    left -= unhealthy;
  }
  let dispensable = sum([...alive, current], availableOf) - least;
  for (const set of byAge) {
    const healthy = Math.min(Math.max(0, dispensable), sizes.get(set) ?? 0);
    shrink(set, healthy);
    dispensable -= healthy;
  }
  return changed(sizes);
}

/** Sizes after the Deployment itself was scaled, all ReplicaSets keeping their share of a rollout under way. */
export function proportionalSizes(deployment: Deployment, sets: Sets): Resize {
  const wanted = replicasOf(deployment);
  const single = activeOrLatest(sets);
  if (single) return changed(new Map([[single, wanted]]));
  const { current, old } = sets;
  if (current && isSaturated(deployment, current)) {
    return changed(new Map(old.filter(isAlive).map((set) => [set, 0])));
  }
  if (!isRolling(deployment)) return [];
  const active = allSets(sets).filter(isAlive);
  const allowed = wanted > 0 ? wanted + boundsOf(deployment).surge : 0;
  const toAdd = allowed - sum(active, sizeOf);
  const newestFirst = toAdd > 0;
  const ordered = [...active].sort(
    (a, b) => sizeOf(b) - sizeOf(a) || (newestFirst ? byCreation(b, a) : byCreation(a, b)),
  );
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const set of ordered) {
    const share = toAdd === 0 ? 0 : shareOf(deployment, set, toAdd - added);
    sizes.set(set, sizeOf(set) + share);
    added += share;
  }
  const [largest] = ordered;
  // What rounding left over goes to the largest.
  if (largest && toAdd !== 0) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
  // Sets of unchanged size are among the answer: their annotations must say the new size all the same.
  return [...sizes].map(([set, replicas]) => ({ set, replicas }));
}

/** What is left to give (or, negative, to take) bounds a ReplicaSet's proportional share of a scaling. */
function shareOf(deployment: Deployment, set: ReplicaSet, left: number): number {
  if (left === 0) return 0;
  const size = sizeOf(set);
  const wanted = replicasOf(deployment);
  if (wanted === 0) return Math.max(-size, left);
  const before = annotatedNumber(set, maxAnnotation) || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  const scaled = Math.round((size * (wanted + boundsOf(deployment).surge)) / before) - size;
  return left > 0 ? Math.min(scaled, left) : Math.max(scaled, left);
}

/** The one ReplicaSet that holds all pods; without any, the newest; undefined when a rollout holds several. */
function activeOrLatest(sets: Sets): ReplicaSet | undefined {
  const active = allSets(sets).filter(isAlive);
  if (active.length > 1) return undefined;
  return active[0] ?? sets.current ?? [...sets.old].sort((a, b) => byCreation(b, a))[0];
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = replicasOf(deployment);
  return sizeOf(set) === wanted && annotatedNumber(set, desiredAnnotation) === wanted && availableOf(set) === wanted;
}

/** The old ReplicaSets beyond the history limit that hold nothing any more, lowest revision first. */
export function beyondHistory(deployment: Deployment, { old }: Sets): readonly ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined || limit === noLimit) return [];
  const kept = old.filter((set) => !set.metadata.deletionTimestamp);
  const surplus = kept.length - limit;
  if (surplus <= 0) return [];
  return [...kept]
    .sort((a, b) => revisionOf(a) - revisionOf(b) || byCreation(a, b))
    .slice(0, surplus)
    .filter(
      (set) =>
        sizeOf(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}

/** The largest int32 stands for "no limit" (and, of the progress deadline, for "none"). */
export const noLimit = 2_147_483_647;

const changed = (sizes: ReadonlyMap<ReplicaSet, number>): Resize =>
  [...sizes].filter(([set, replicas]) => replicas !== sizeOf(set)).map(([set, replicas]) => ({ set, replicas }));

/** Older first. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata, b.metadata];
  if (left.creationTimestamp !== right.creationTimestamp)
    return left.creationTimestamp < right.creationTimestamp ? -1 : 1;
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}
