import { Job } from "../../api/batch/job.ts";
import type { Pod } from "../../api/core/pod.ts";
import type { Container, EnvVar } from "../../api/generated/core-v1.ts";
import type { Draft } from "../../machinery/object.ts";
import { podFromTemplate } from "../framework/pods.ts";

export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
const indexKey = "batch.kubernetes.io/job-completion-index";
/** How often the index had failed before this pod. */
const failureCountKey = "batch.kubernetes.io/job-index-failure-count";

export const isIndexed = ({ spec }: Job): boolean => spec.completionMode === "Indexed";
export const isTracked = ({ metadata }: Pod): boolean => metadata.finalizers?.includes(trackingFinalizer) ?? false;

/** The completion index of a pod; undefined without a valid one. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[indexKey];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function failuresBefore({ metadata }: Pod): number {
  return Number(metadata.annotations?.[failureCountKey] ?? 0) || 0;
}

/** Whether a pod counts as failed: one that is being deleted does too, unless only ended pods are replaced. */
export function hasFailed(job: Job, { status, metadata }: Pod): boolean {
  if (status?.phase === "Failed") return true;
  if (job.spec.podReplacementPolicy === "Failed") return false;
  return metadata.deletionTimestamp !== undefined && status?.phase !== "Succeeded";
}

/** When a pod ended, in milliseconds since the epoch, as far as it can be told. */
export function endedAt({ status, metadata }: Pod, now: number): number {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const ends = [...containerStatuses, ...initContainerStatuses].flatMap(
    ({ state }) => state?.terminated?.finishedAt ?? [],
  );
  const known = ends.length > 0 ? ends : [metadata.deletionTimestamp].filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(now, Math.max(...known.map((time) => Date.parse(time)))) : now;
}

export interface IndexedPod {
  readonly index: number;
  readonly failures: number;
}

/** A pod of a Job; with an index when each of the Job's pods has its own work. */
export function podFor(job: Job, indexed: IndexedPod | undefined): Draft<Pod> {
  const draft = podFromTemplate(Job, job, job.spec.template);
  const finalizers = [
    ...(draft.metadata.finalizers ?? []).filter((each) => each !== trackingFinalizer),
    trackingFinalizer,
  ];
  if (!indexed) return { ...draft, metadata: { ...draft.metadata, finalizers } };
  const { index, failures } = indexed;
  const own = { [indexKey]: `${index}` };
  const perIndex: Readonly<Record<string, string>> =
    job.spec.backoffLimitPerIndex === undefined ? {} : { [failureCountKey]: `${failures}` };
  const { containers, initContainers } = draft.spec;
  return {
    metadata: {
      ...draft.metadata,
      generateName: `${job.metadata.name.slice(0, 240)}-${index}-`,
      finalizers,
      labels: { ...draft.metadata.labels, ...own },
      annotations: { ...draft.metadata.annotations, ...own, ...perIndex },
    },
    spec: {
      ...draft.spec,
      hostname: `${job.metadata.name}-${index}`,
      containers: containers.map(withIndexVariable),
      ...(initContainers ? { initContainers: initContainers.map(withIndexVariable) } : {}),
    },
  };
}

function withIndexVariable(container: Container): Container {
  const name = "JOB_COMPLETION_INDEX";
  if (container.env?.some((variable) => variable.name === name)) return container;
  const variable: EnvVar = { name, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexKey}']` } } };
  return { ...container, env: [...(container.env ?? []), variable] };
}
