import type { LabelSelector } from "../../machinery/generated/meta-v1.ts";
import type { IntOrString, KubeObject } from "../../machinery/object.ts";
import { fill, fillEmpty, without } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import type { VersionMapping } from "../kind.ts";
import { reducedVersion } from "../reduced-version.ts";

/** Where apps/v1 keeps the revision that an old Deployment asked to go back to. */
export const rollbackAnnotation = "deprecated.deployment.rollback.to";
/** Where apps/v1 keeps the template's generation of an old DaemonSet. */
const templateGenerationAnnotation = "deprecated.daemonset.template.generation";
/** Before there was a limit or a deadline, there was none. */
const never = 0x7fffffff;

interface WorkloadSpec {
  readonly selector?: LabelSelector | null;
  readonly template?: core.PodTemplateSpec;
  readonly strategy?: Strategy;
  readonly updateStrategy?: Strategy;
  readonly rollbackTo?: { readonly revision?: number };
  readonly templateGeneration?: number;
  readonly replicas?: number;
  readonly revisionHistoryLimit?: number;
  readonly progressDeadlineSeconds?: number;
}

interface Strategy {
  readonly type?: string;
  readonly rollingUpdate?: { readonly maxUnavailable?: IntOrString; readonly maxSurge?: IntOrString };
}

type Workload = KubeObject & { readonly spec?: WorkloadSpec };

const stored = "apps/v1";

/** A selector was not needed once: the labels of the template stood in, for the workload itself too. */
function fromTemplate(object: Workload): Workload {
  const { spec = {}, metadata } = object;
  const labels = spec.template?.metadata?.labels;
  if (!labels || Object.keys(labels).length === 0) return object;
  const selected = spec.selector ? spec : { ...spec, selector: { matchLabels: labels } };
  const own = Object.keys(metadata.labels ?? {}).length > 0 ? metadata : { ...metadata, labels };
  return { ...object, metadata: own, spec: selected };
}

function withSpec(object: Workload, alter: (spec: WorkloadSpec) => WorkloadSpec): Workload {
  return { ...object, spec: alter(object.spec ?? {}) };
}

function withStrategy(spec: WorkloadSpec, step: IntOrString): WorkloadSpec {
  const strategy = fillEmpty(spec.strategy ?? {}, { type: "RollingUpdate" });
  if (strategy.type !== "RollingUpdate") return { ...spec, strategy };
  const rollingUpdate = fill(strategy.rollingUpdate ?? {}, { maxUnavailable: step, maxSurge: step });
  return { ...spec, strategy: { ...strategy, rollingUpdate } };
}

interface Version {
  readonly apiVersion: string;
  readonly type: string;
  readonly subresources?: readonly string[];
  readonly defaults?: (object: Workload) => Workload;
}

/** A version whose only differences are its defaults and the two members that apps/v1 keeps as annotations. */
function mapping({ apiVersion, type, subresources, defaults }: Version): VersionMapping {
  return {
    type,
    ...(subresources ? { subresources } : {}),
    ...(defaults ? { defaults: (object: KubeObject) => defaults(object as Workload) } : {}),
    toStored: (object) => intoAnnotations({ ...(object as Workload), apiVersion: stored }),
    fromStored: (object) => ({ ...outOfAnnotations(object as Workload, type), apiVersion }),
  };
}

function intoAnnotations(object: Workload): Workload {
  const { spec, metadata } = object;
  if (!spec) return object;
  const annotations = { ...metadata.annotations };
  let kept = spec;
  if (spec.rollbackTo) {
    annotations[rollbackAnnotation] = String(spec.rollbackTo.revision ?? 0);
    kept = without(kept, "rollbackTo");
  }
  if (spec.templateGeneration !== undefined) {
    annotations[templateGenerationAnnotation] = String(spec.templateGeneration);
    kept = without(kept, "templateGeneration");
  }
  if (kept === spec) return object;
  return { ...object, metadata: { ...metadata, annotations }, spec: kept };
}

function outOfAnnotations(object: Workload, type: string): Workload {
  const rollback = object.metadata.annotations?.[rollbackAnnotation];
  const generation = object.metadata.annotations?.[templateGenerationAnnotation];
  const old = type.startsWith("extensions/");
  const wantsRollback = rollback !== undefined && type.endsWith(".Deployment") && !type.startsWith("apps/v1beta2.");
  const wantsGeneration = generation !== undefined && old && type.endsWith(".DaemonSet");
  if (!wantsRollback && !wantsGeneration) return object;
  const annotations: Record<string, string> = { ...object.metadata.annotations };
  const spec: Record<string, unknown> = { ...object.spec };
  if (wantsRollback) {
    delete annotations[rollbackAnnotation];
    spec.rollbackTo = rollback === "0" ? {} : { revision: Number(rollback) };
  }
  if (wantsGeneration) {
    delete annotations[templateGenerationAnnotation];
    spec.templateGeneration = Number(generation);
  }
  const bare = without(object.metadata, "annotations") as KubeObject["metadata"];
  const metadata = Object.keys(annotations).length > 0 ? { ...bare, annotations } : bare;
  return { ...object, metadata, spec: spec as WorkloadSpec };
}

function versions(list: readonly Version[]): Readonly<Record<string, VersionMapping>> {
  return Object.fromEntries(list.map((version) => [version.apiVersion, mapping(version)]));
}

const plain = (apiVersion: string, kind: string): Version => ({ apiVersion, type: `${apiVersion}.${kind}` });

/** Deployments of the time before apps/v1. */
export const deploymentMappings = versions([
  plain("apps/v1beta2", "Deployment"),
  {
    ...plain("apps/v1beta1", "Deployment"),
    subresources: ["rollback"],
    defaults: (object) =>
      withSpec(fromTemplate(object), (spec) =>
        fill(withStrategy(spec, "25%"), { revisionHistoryLimit: 2, progressDeadlineSeconds: 600 }),
      ),
  },
  {
    ...plain("extensions/v1beta1", "Deployment"),
    subresources: ["rollback"],
    defaults: (object) =>
      withSpec(fromTemplate(object), (spec) =>
        fill(withStrategy(spec, 1), { revisionHistoryLimit: never, progressDeadlineSeconds: never }),
      ),
  },
]);

/** ReplicaSets of the time before apps/v1. */
export const replicaSetMappings = versions([
  plain("apps/v1beta2", "ReplicaSet"),
  { ...plain("extensions/v1beta1", "ReplicaSet"), defaults: fromTemplate },
]);

/** DaemonSets of the time before apps/v1, which were only replaced when somebody deleted their pods. */
export const daemonSetMappings = versions([
  plain("apps/v1beta2", "DaemonSet"),
  {
    ...plain("extensions/v1beta1", "DaemonSet"),
    defaults: (object) =>
      withSpec(fromTemplate(object), (spec) => ({
        ...spec,
        updateStrategy: fillEmpty(spec.updateStrategy ?? {}, { type: "OnDelete" }),
      })),
  },
]);

const petSet: VersionMapping = {
  ...reducedVersion({
    stored: { apiVersion: stored, kind: "StatefulSet" },
    apiVersion: "apps/v1alpha1",
    type: "apps/v1alpha1.PetSet",
    spec: ["replicas", "selector", "template", "volumeClaimTemplates", "serviceName"],
    implied: {
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "OnDelete" },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
    },
    defaults: (object) => withSpec(fromTemplate(object as Workload), (spec) => fill(spec, { replicas: 1 })),
  }),
  plural: "petsets",
};

/** StatefulSets of the time before apps/v1, when they were PetSets at first. */
export const statefulSetMappings: Readonly<Record<string, VersionMapping>> = {
  ...versions([
    plain("apps/v1beta2", "StatefulSet"),
    {
      ...plain("apps/v1beta1", "StatefulSet"),
      defaults: (object) =>
        withSpec(fromTemplate(object), (spec) => ({
          ...spec,
          updateStrategy: fillEmpty(spec.updateStrategy ?? {}, { type: "OnDelete" }),
        })),
    },
  ]),
  "apps/v1alpha1": petSet,
};

/** Revisions of the time before apps/v1. */
export const controllerRevisionMappings = versions([
  plain("apps/v1beta2", "ControllerRevision"),
  plain("apps/v1beta1", "ControllerRevision"),
]);
