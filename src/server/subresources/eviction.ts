import type { Pod } from "../../api/core/pod.ts";
import type { PodCondition } from "../../api/generated/core-v1.ts";
import { Eviction } from "../../api/policy/eviction.ts";
import { PodDisruptionBudget } from "../../api/policy/pod-disruption-budget.ts";
import { lookupType } from "../../api/type-info.ts";
import type { CauseType } from "../../machinery/generated/meta-v1.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { badRequest, isStatus, StatusError } from "../../machinery/status-error.ts";
import { type DeleteOptions, deleteObject } from "../../registry/delete.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject } from "../../registry/update.ts";
import { timestamp } from "../../registry/write.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { writeParameters } from "../resources/options.ts";
import { bodyKind } from "./body-kinds.ts";

/** A cause that policy adds to those of meta/v1. */
const budgetCause = "DisruptionBudget" as CauseType;
/** So many pods may be on their way out before the budget's controller has seen any of them go. */
const mostDisrupted = 2000;

/** POST to a pod's `eviction`: deletes the pod when no disruption budget forbids it. */
export const evictionHandler: Handler = async (call) => {
  const { info, services, media, collection } = call;
  const parameters = writeParameters(call, "CreateOptions");
  const body = { ...bodyKind(Eviction, lookupType) };
  const sent = await readObject(call.request, body, { ...bodyOptions(call, parameters.validation), anyKind: true });
  const { deleteOptions } = sent as unknown as {
    readonly deleteOptions?: DeleteOptions & { readonly dryRun?: readonly string[] };
  };
  if (sent.metadata.name && sent.metadata.name !== info.name)
    throw badRequest("name in URL does not match name in Eviction object");
  const dryRun = parameters.dryRun || (deleteOptions?.dryRun?.length ?? 0) > 0;

  const { group, version, kind } = Eviction;
  const admission = services.admission.of(call, "CREATE", { dryRun, body: { group, version, kind } });
  const asked = await admission.admit(sent, undefined);
  const held = await collection.get(info.namespace, info.name);
  await admission.validate(asked, undefined);
  const pod = held.object as AnyObject as unknown as Pod;
  if (!mayGoFreely(pod)) await spend(call, pod, dryRun);
  const preconditions = { uid: pod.metadata.uid, ...deleteOptions?.preconditions };
  const marked = dryRun ? undefined : await mark(call, pod);
  // Who asked for this very version means the one before the mark.
  const stillTheSame = preconditions.resourceVersion === pod.metadata.resourceVersion;
  const after = marked && stillTheSame ? { resourceVersion: marked } : {};
  await deleteObject(collection, services.registry, {
    namespace: info.namespace,
    name: info.name,
    dryRun,
    options: { ...deleteOptions, preconditions: { ...preconditions, ...after } },
  });
  return valueAnswer(media, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
};

/** Writes down on the pod why it goes; returns its version with that. */
async function mark({ collection, info, services }: Call, pod: Pod): Promise<string | undefined> {
  const condition: PodCondition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastTransitionTime: timestamp(services.clock.now()),
  };
  const { object } = await updateObject(collection, {
    namespace: info.namespace,
    name: info.name,
    dryRun: false,
    rules: { prepare: (next) => next, validate: () => [], raisesGeneration: false },
    change: ({ object: current }) => {
      const { metadata, status, ...rest } = current as AnyObject as unknown as Pod;
      if (metadata.uid !== pod.metadata.uid) return current;
      const others = (status?.conditions ?? []).filter(({ type }) => type !== condition.type);
      return { ...rest, metadata, status: { ...status, conditions: [...others, condition] } } as unknown as AnyObject;
    },
  });
  return object.metadata.resourceVersion;
}

// Pods that do no work, or are going already, disrupt nobody.
function mayGoFreely({ status, metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || ["Succeeded", "Failed", "Pending"].includes(status?.phase ?? "");
}

const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;

async function spend(call: Call, pod: Pod, dryRun: boolean): Promise<void> {
  const { services, info } = call;
  const budgets = services.registry.of(PodDisruptionBudget);
  await budgets.cache.current();
  const matching = Array.from(
    budgets.cache.range(budgets.resource.rangeOf(info.namespace)),
    ({ object }) => object as AnyObject as unknown as PodDisruptionBudget,
  ).filter(({ spec }) => selectorOfObject(spec?.selector).matches(pod.metadata.labels));
  const [budget, ...others] = matching;
  if (!budget) return;
  if (others.length > 0) {
    throw new StatusError(
      "",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
      { code: 500 },
    );
  }
  if (!isReady(pod) && unhealthyMayGo(budget)) return;
  const { name } = budget.metadata;
  try {
    await updateObject(budgets, {
      namespace: info.namespace,
      name: name ?? "",
      dryRun,
      rules: { prepare: (next) => next, validate: () => [] },
      change: ({ object }) =>
        charged(object as AnyObject as unknown as PodDisruptionBudget, info.name, services.clock.now()),
    });
  } catch (error) {
    if (isStatus(error, "Conflict")) throw busy(10);
    throw error;
  }
}

function unhealthyMayGo({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function charged(budget: PodDisruptionBudget, pod: string, now: number): AnyObject {
  const { metadata, status } = budget;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) throw busy(10);
  const allowed = status?.disruptionsAllowed ?? 0;
  const { currentHealthy = 0, desiredHealthy = 0, disruptedPods = {} } = status ?? {};
  if (allowed < 0)
    throw new StatusError(
      "Forbidden",
      `poddisruptionbudgets.policy "${metadata.name}" is forbidden: pdb disruptions allowed is negative`,
    );
  if (Object.keys(disruptedPods).length > mostDisrupted)
    throw new StatusError(
      "Forbidden",
      `poddisruptionbudgets.policy "${metadata.name}" is forbidden: DisruptedPods map too big - too many evictions not confirmed by PDB controller`,
    );
  if (allowed === 0) {
    const message = `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
    throw new StatusError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
      details: { causes: [{ reason: budgetCause, message }] },
    });
  }
  const disrupted = { ...disruptedPods, [pod]: timestamp(now) };
  return {
    ...budget,
    status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods: disrupted },
  } as unknown as AnyObject;
}

function busy(seconds: number): StatusError {
  return new StatusError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    details: {
      causes: [{ reason: budgetCause, message: "The disruption budget is still being processed by the server." }],
      retryAfterSeconds: seconds,
    },
  });
}
