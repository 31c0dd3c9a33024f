import type { Deployment } from "../../api/apps/deployment.ts";
import type { ReplicaSet } from "../../api/apps/replica-set.ts";
import type { PodTemplateSpec } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const historyAnnotation = "deployment.kubernetes.io/revision-history";
/** Asks for a rollback; `extensions/v1beta1` writes its `rollbackTo` here. */
export const rollbackAnnotation = "deprecated.deployment.rollback.to";
export const hashLabel = "pod-template-hash";
const historyCharacters = 2000;

/** Annotations that belong to a Deployment or to a ReplicaSet and are not handed on. */
const ownAnnotations = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  historyAnnotation,
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  rollbackAnnotation,
]);

type Annotations = Readonly<Record<string, string>>;

/** The number a ReplicaSet or Deployment carries; 0 without one. */
export function revisionOf({ metadata }: ReplicaSet | Deployment): number {
  const text = metadata.annotations?.[revisionAnnotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : 0;
}

/** A template without the label that only ReplicaSets put on it. */
export function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  if (template.metadata?.labels?.[hashLabel] === undefined) return template;
  const { [hashLabel]: _, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** Whether two templates make the same pods. */
export function sameTemplate(left: PodTemplateSpec | undefined, right: PodTemplateSpec | undefined): boolean {
  if (!left || !right) return left === right;
  const [a, b] = [withoutHash(left), withoutHash(right)];
  return (
    isEqual(a.spec, b.spec) &&
    isEqual(a.metadata?.labels ?? {}, b.metadata?.labels ?? {}) &&
    isEqual(a.metadata?.annotations ?? {}, b.metadata?.annotations ?? {}) &&
    isEqual(a.metadata?.finalizers, b.metadata?.finalizers)
  );
}

/** A ReplicaSet's annotations once it has the Deployment's and is numbered `revision`; an equal object when nothing changes. */
export function numberedAnnotations(deployment: Deployment, known: Annotations, revision: number): Annotations {
  const copied = { ...known, ...handedOn(deployment.metadata.annotations) };
  const before = known[revisionAnnotation];
  if (before !== undefined && !/^\d*$/.test(before)) return copied;
  if (Number(before ?? 0) >= revision) return copied;
  return {
    ...copied,
    [revisionAnnotation]: `${revision}`,
    ...(before ? { [historyAnnotation]: lengthened(known[historyAnnotation], before) } : {}),
  };
}

/** A Deployment's annotations once it is rolled back to a ReplicaSet. */
export function rolledBackAnnotations(deployment: Deployment, set: ReplicaSet): Annotations {
  const own = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => ownAnnotations.has(name));
  return { ...Object.fromEntries(own), ...handedOn(set.metadata.annotations) };
}

function handedOn(annotations: Annotations | undefined): Annotations {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => !ownAnnotations.has(name)));
}

/** The oldest numbers drop out when the list gets too long for an annotation. */
function lengthened(history: string | undefined, revision: string): string {
  if (!history) return revision;
  const numbers = history.split(",");
  let length = history.length + revision.length + 1;
  while (length > historyCharacters && numbers.length > 0) length -= (numbers.shift()?.length ?? 0) + 1;
  return [...numbers, revision].join(",");
}
