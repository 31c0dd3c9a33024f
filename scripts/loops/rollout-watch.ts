import { Deployment } from "../../src/api/apps/deployment.ts";
import { ReplicaSet } from "../../src/api/apps/replica-set.ts";
import type { Informers } from "../../src/client/client.ts";

/** Watches that rollouts never ask for more pods than their surge allows. */
export class RolloutWatch implements Disposable {
  readonly #informers: Informers;
  readonly #subscription: Disposable;
  #broken: string[] = [];

  constructor(informers: Informers) {
    this.#informers = informers;
    informers.of(Deployment);
    this.#subscription = informers.of(ReplicaSet).on({ updated: (set, before) => this.#check(set, before) });
  }

  /** What went wrong since the last call. */
  take(): readonly string[] {
    const broken = this.#broken;
    this.#broken = [];
    return broken;
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #check(set: ReplicaSet, before: ReplicaSet): void {
    const owner = set.metadata.ownerReferences?.find(({ controller }) => controller);
    if ((set.spec.replicas ?? 1) <= (before.spec.replicas ?? 1) || owner?.kind !== "Deployment") return;
    const most = Number(set.metadata.annotations?.["deployment.kubernetes.io/max-replicas"]);
    const sets = this.#informers.of(ReplicaSet).by("owner", owner.uid);
    const asked = sets.reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0);
    if (asked > most) this.#broken.push(`${owner.name} asks for ${asked} pods where ${most} are allowed`);
  }
}
