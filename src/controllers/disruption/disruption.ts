import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { Deployment } from "../../api/apps/deployment.ts";
import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { StatefulSet } from "../../api/apps/stateful-set.ts";
import { Pod } from "../../api/core/pod.ts";
import { isPodReady } from "../../api/core/pod-state.ts";
import { ReplicationController } from "../../api/core/replication-controller.ts";
import type { PodDisruptionBudgetStatus } from "../../api/generated/policy-v1.ts";
import { PodDisruptionBudget } from "../../api/policy/pod-disruption-budget.ts";
import { errorMessage } from "../../lib/fault.ts";
import { isEqual } from "../../machinery/equality.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { type KindRef, type KubeObject, keyOf } from "../../machinery/object.ts";
import { timeOf } from "../../machinery/times.ts";
import { defineController, done, type ReconcileContext, restAfter, watches } from "../framework/controller.ts";
import { type Expectation, expectation } from "./expected.ts";

/** An eviction that was allowed must have begun within this time, or the pod counts again (as upstream). */
const evictionPatience = 120_000;

/** Keeps the status of disruption budgets, by which evictions are allowed or refused. */
export const disruptionController = defineController({
  name: "disruption",
  eventSource: "controllermanager",
  for: PodDisruptionBudget,
  watches: [
    watches(Pod, (pod, previous, cache) =>
      cache
        .list(PodDisruptionBudget, pod.metadata.namespace)
        .filter((budget) => selects(budget, pod) || (previous !== undefined && selects(budget, previous)))
        .map(keyOf),
    ),
  ],
  reads: [
    Deployment,
    ReplicaSet,
    StatefulSet,
    ReplicationController,
    CustomResourceDefinition,
  ] as readonly unknown[] as readonly KindRef<KubeObject>[],
  workers: 4,
  async reconcile(key, context) {
    const { cache, client, clock, events } = context;
    const budget = cache.get(PodDisruptionBudget, key);
    if (!budget) return done;
    const pods = cache.list(Pod, key.namespace).filter((pod) => selects(budget, pod));
    if (pods.length === 0) events.record(budget, "Normal", "NoPods", "No matching pods found");
    let expected: Expectation;
    try {
      expected = await expectation(budget, pods, context);
    } catch (error) {
      const message = `Failed to calculate the number of expected pods: ${errorMessage(error)}`;
      events.record(budget, "Warning", "CalculateExpectedPodCountFailed", message);
      await failSafe(budget, errorMessage(error), context);
      throw error;
    }
    if (expected.unmanaged.length > 0) {
      const selector = selectorOfObject(budget.spec.selector);
      const message = `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
      events.record(budget, "Warning", "UnmanagedPods", message);
    }
    const now = clock.now();
    const { disrupted, wait } = stillDisrupted(budget, pods, now, context);
    const healthy = pods.filter(
      (pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp && !(pod.metadata.name in disrupted),
    ).length;
    const status = statusOf(budget, expected, healthy, disrupted, now);
    if (!isEqual(status, budget.status)) await client.updateStatus(PodDisruptionBudget, { ...budget, status });
    return { ...restAfter(pods.length), ...(wait === undefined ? {} : { requeueAfter: wait }) };
  },
});

const selects = ({ spec }: PodDisruptionBudget, pod: Pod) =>
  selectorOfObject(spec.selector).matches(pod.metadata.labels);

/** The evictions that were allowed and whose pods are still to be seen going. */
function stillDisrupted(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  now: number,
  { events }: ReconcileContext,
): { readonly disrupted: Readonly<Record<string, string>>; readonly wait: number | undefined } {
  const kept: [string, string][] = [];
  const waits: number[] = [];
  for (const [name, time] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    if (!pod || pod.metadata.deletionTimestamp) continue;
    const left = Date.parse(time) + evictionPatience - now;
    if (left > 0) {
      kept.push([name, time]);
      waits.push(left);
    } else {
      const { namespace, name: budgetName } = budget.metadata;
      const message = `Pod was expected by PDB ${namespace}/${budgetName} to be deleted but it wasn't`;
      events.record(pod, "Warning", "NotDeleted", message);
    }
  }
  return { disrupted: Object.fromEntries(kept), wait: waits.length > 0 ? Math.min(...waits) : undefined };
}

function statusOf(
  budget: PodDisruptionBudget,
  { expected, desired }: Expectation,
  healthy: number,
  disrupted: Readonly<Record<string, string>>,
  now: number,
): PodDisruptionBudgetStatus {
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const [status, reason] =
    allowed > 0 ? (["True", "SufficientPods"] as const) : (["False", "InsufficientPods"] as const);
  return {
    ...observed(budget),
    ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: [conditionOf(budget, { status, reason, message: "" }, now)],
  };
}

/** While nobody knows how many pods there shall be, none may be taken away. */
async function failSafe(
  budget: PodDisruptionBudget,
  message: string,
  { client, clock }: ReconcileContext,
): Promise<void> {
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0, ...before } = budget.status ?? {};
  const status: PodDisruptionBudgetStatus = {
    ...before,
    ...observed(budget),
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed: 0,
    conditions: [conditionOf(budget, { status: "False", reason: "SyncFailed", message }, clock.now())],
  };
  if (!isEqual(status, budget.status)) await client.updateStatus(PodDisruptionBudget, { ...budget, status });
}

const observed = ({ metadata }: PodDisruptionBudget) =>
  metadata.generation === undefined ? {} : { observedGeneration: metadata.generation };

function conditionOf(
  budget: PodDisruptionBudget,
  next: { readonly status: "True" | "False"; readonly reason: string; readonly message: string },
  now: number,
) {
  const known = budget.status?.conditions?.find(({ type }) => type === "DisruptionAllowed");
  const lastTransitionTime = known?.status === next.status ? known.lastTransitionTime : timeOf(now);
  return { type: "DisruptionAllowed", ...next, ...observed(budget), lastTransitionTime };
}
