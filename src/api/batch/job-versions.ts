import type { LabelSelector } from "../../machinery/generated/meta-v1.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type * as core from "../generated/core-v1.ts";
import type { VersionMapping } from "../kind.ts";
import { reducedVersion } from "../reduced-version.ts";

const extensions = "extensions/v1beta1";

interface OldSpec {
  readonly selector?: LabelSelector | null;
  readonly autoSelector?: boolean;
  readonly template?: core.PodTemplateSpec;
}

type OldJob = KubeObject & { readonly spec?: OldSpec };

const reduced = reducedVersion({
  stored: { apiVersion: "batch/v1", kind: "Job" },
  apiVersion: extensions,
  type: "extensions/v1beta1.Job",
  spec: ["parallelism", "completions", "activeDeadlineSeconds", "selector", "autoSelector", "template"],
  implied: {
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: "TerminatingOrFailed",
  },
});

/** Jobs of the group where they began: they selected by their own labels, unless asked to make a selector up. */
export const jobMappings: Readonly<Record<string, VersionMapping>> = {
  [extensions]: {
    type: reduced.type,
    defaults: (object) => {
      const job = object as OldJob;
      const labels = job.spec?.template?.metadata?.labels;
      if (!job.spec || job.spec.selector || job.spec.autoSelector || !labels) return job;
      const own = Object.keys(job.metadata.labels ?? {}).length > 0 ? job.metadata : { ...job.metadata, labels };
      return { ...job, metadata: own, spec: { ...job.spec, selector: { matchLabels: labels } } } as KubeObject;
    },
    toStored: (object) => {
      const { spec, ...others } = object as OldJob;
      if (!spec) return reduced.toStored(object);
      const { autoSelector, ...rest } = spec;
      return reduced.toStored({
        ...others,
        spec: { ...rest, ...(autoSelector ? {} : { manualSelector: true }) },
      } as KubeObject);
    },
    fromStored: (object) => {
      const { spec, ...others } = object as KubeObject & { readonly spec?: { readonly manualSelector?: boolean } };
      if (!spec) return reduced.fromStored(object);
      const { manualSelector, ...rest } = spec;
      return reduced.fromStored({
        ...others,
        spec: { ...rest, ...(manualSelector ? {} : { autoSelector: true }) },
      } as KubeObject);
    },
  },
};
