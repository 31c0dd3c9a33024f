import type { PodTemplateSpec } from "../../../../api/generated/core-v1.ts";
import { podTemplateText } from "../../describe/pod-template.ts";
import { linesOf } from "../../describe/text.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { causeAnnotation, type Revision } from "./revisions.ts";

/** The template that a revision had, without what marks it as that revision's. */
export function templateOf(workload: AnyObject, revision: Revision): PodTemplateSpec {
  const template = keptTemplate(workload, revision);
  if (workload.kind !== "Deployment") return template;
  const { "pod-template-hash": _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** A revision's template for people, cells still parted by tabs; with `cause`, why it came to be stands among its annotations. */
export function templateText(workload: AnyObject, revision: Revision, { cause }: { readonly cause: boolean }): string {
  const template = keptTemplate(workload, revision);
  const why = cause ? revision.object.metadata.annotations?.[causeAnnotation] : undefined;
  const annotations = { ...template.metadata?.annotations, ...(why ? { [causeAnnotation]: why } : {}) };
  return (
    linesOf(podTemplateText({ ...template, metadata: { ...template.metadata, annotations } }))
      // Nothing lines the cells up here, and a row's further lines begin at the margin.
      .map((line) => `${line.replace(/^ +\t/, "\t")}\n`)
      .join("")
  );
}

function keptTemplate(workload: AnyObject, { object }: Revision): PodTemplateSpec {
  const { spec } = workload.kind === "Deployment" ? object : (object.data as AnyObject);
  return (spec as { readonly template: PodTemplateSpec }).template;
}
