import type { Namespace } from "../../api/core/namespace.ts";
import type { NamespaceCondition, NamespaceConditionType } from "../../api/generated/core-v1.ts";
import { timeOf } from "../../machinery/times.ts";

/** What a look at a namespace's contents found. */
export interface Remains {
  /** How many objects of a kind (`pods.`, `deployments.apps`) are left. */
  readonly counts: ReadonlyMap<string, number>;
  /** How many objects each finalizer keeps. */
  readonly finalizers: ReadonlyMap<string, number>;
  /** What could not be deleted, in words. */
  readonly failures: readonly string[];
  /** What could not be asked for its kinds, in words. */
  readonly undiscovered: readonly string[];
}

type Judgement = Pick<NamespaceCondition, "status" | "reason" | "message">;

const good: Readonly<Record<NamespaceConditionType, Judgement>> = {
  NamespaceDeletionDiscoveryFailure: {
    status: "False",
    reason: "ResourcesDiscovered",
    message: "All resources successfully discovered",
  },
  NamespaceDeletionGroupVersionParsingFailure: {
    status: "False",
    reason: "ParsedGroupVersions",
    message: "All legacy kube types successfully parsed",
  },
  NamespaceDeletionContentFailure: {
    status: "False",
    reason: "ContentDeleted",
    message: "All content successfully deleted, may be waiting on finalization",
  },
  NamespaceContentRemaining: {
    status: "False",
    reason: "ContentRemoved",
    message: "All content successfully removed",
  },
  NamespaceFinalizersRemaining: {
    status: "False",
    reason: "ContentHasNoFinalizers",
    message: "All content-preserving finalizers finished",
  },
};

const bad = (reason: string, message: string): Judgement => ({ status: "True", reason, message });

function judge(type: NamespaceConditionType, { counts, finalizers, failures, undiscovered }: Remains): Judgement {
  switch (type) {
    case "NamespaceDeletionDiscoveryFailure": {
      if (undiscovered.length === 0) break;
      const message = `Discovery failed for some groups, ${undiscovered.length} failing: unable to retrieve the complete list of server APIs: ${undiscovered.join(", ")}`;
      return bad("DiscoveryFailed", message);
    }
    case "NamespaceDeletionContentFailure": {
      if (failures.length === 0) break;
      const list = failures.length === 1 ? failures[0] : `[${failures.join(", ")}]`;
      return bad("ContentDeletionFailed", `Failed to delete all resource types, ${failures.length} remaining: ${list}`);
    }
    case "NamespaceContentRemaining": {
      if (counts.size === 0) break;
      const texts = [...counts].map(([resource, count]) => `${resource} has ${count} resource instances`);
      return bad("SomeResourcesRemain", `Some resources are remaining: ${texts.sort().join(", ")}`);
    }
    case "NamespaceFinalizersRemaining": {
      if (finalizers.size === 0) break;
      const texts = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`);
      const message = `Some content in the namespace has finalizers remaining: ${texts.sort().join(", ")}`;
      return bad("SomeFinalizersRemain", message);
    }
  }
  return good[type];
}

/** The conditions of a namespace that is going away; the same list when nothing changes. `now` is in milliseconds. */
export function deletionConditions(
  known: readonly NamespaceCondition[],
  remains: Remains,
  now: number,
): readonly NamespaceCondition[] {
  let result = known;
  for (const type of Object.keys(good) as NamespaceConditionType[]) {
    const before = known.find((condition) => condition.type === type);
    const next = judge(type, remains);
    if (before && before.status === next.status && before.reason === next.reason && before.message === next.message) {
      continue;
    }
    const lastTransitionTime =
      before?.status === next.status && before.lastTransitionTime ? before.lastTransitionTime : timeOf(now);
    const condition = { type, ...next, lastTransitionTime };
    result = before ? result.map((each) => (each.type === type ? condition : each)) : [...result, condition];
  }
  return result;
}

/** The namespace as its status is to be written while it goes. */
export function terminating(namespace: Namespace, conditions: readonly NamespaceCondition[]): Namespace {
  return { ...namespace, status: { ...namespace.status, phase: "Terminating", conditions } };
}
