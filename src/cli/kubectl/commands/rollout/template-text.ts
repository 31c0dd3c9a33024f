import type { AnyObject } from "../../resources/resource-info.ts";
import { containerLines } from "./container-text.ts";
import { causeAnnotation, type Revision } from "./revisions.ts";
import { type Volume, volumeLines } from "./volume-text.ts";

interface Template {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly containers: readonly Parameters<typeof containerLines>[0][];
    readonly initContainers?: readonly Parameters<typeof containerLines>[0][];
    readonly volumes?: readonly Volume[];
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: readonly Toleration[];
    readonly priorityClassName?: string;
  };
}

interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

/** The template that a revision had, without what marks it as that revision's. */
export function templateOf(workload: AnyObject, { object }: Revision): object {
  const { template } = (workload.kind === "Deployment" ? object.spec : (object.data as AnyObject).spec) as {
    readonly template: Template;
  };
  const { "pod-template-hash": _, ...labels } = template.metadata?.labels ?? {};
  return workload.kind === "Deployment" ? { ...template, metadata: { ...template.metadata, labels } } : template;
}

/** A revision's pod template for people; why it came to be stands among its annotations. */
export function podTemplateText(workload: AnyObject, revision: Revision): string {
  const { object } = revision;
  const { template } = (workload.kind === "Deployment" ? object.spec : (object.data as AnyObject).spec) as {
    readonly template: Template;
  };
  const cause = object.metadata.annotations?.[causeAnnotation];
  const annotations = { ...template.metadata?.annotations, ...(cause ? { [causeAnnotation]: cause } : {}) };
  const { spec } = template;
  const { initContainers = [], volumes = [] } = spec;
  const lines = [
    "Pod Template:",
    ...pairLines("  Labels", template.metadata?.labels),
    ...(Object.keys(annotations).length > 0 ? pairLines("  Annotations", annotations, ": ") : []),
    ...(spec.serviceAccountName ? [`  Service Account:\t${spec.serviceAccountName}`] : []),
    ...(initContainers.length > 0 ? ["  Init Containers:", ...initContainers.flatMap(containerLines)] : []),
    "  Containers:",
    ...spec.containers.flatMap(containerLines),
    ...(volumes.length > 0 ? ["  Volumes:", ...volumes.flatMap(volumeLines)] : ["  Volumes:\t<none>"]),
    ...(spec.priorityClassName ? [`  Priority Class Name:\t${spec.priorityClassName}`] : []),
    ...pairLines("  Node-Selectors", spec.nodeSelector),
    ...listLines("  Tolerations", (spec.tolerations ?? []).map(tolerationText)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function pairLines(label: string, pairs: Readonly<Record<string, string>> = {}, between = "="): readonly string[] {
  return listLines(
    label,
    Object.keys(pairs)
      .sort()
      .map((key) => `${key}${between}${pairs[key]}`),
  );
}

function listLines(label: string, texts: readonly string[]): readonly string[] {
  if (texts.length === 0) return [`${label}:\t<none>`];
  return texts.map((text, at) => (at === 0 ? `${label}:\t${text}` : `\t${text}`));
}

function tolerationText({ key = "", operator, value, effect, tolerationSeconds }: Toleration): string {
  const base = value ? `${key}=${value}` : key;
  const withEffect = effect ? `${base}:${effect}` : base;
  const exists = operator === "Exists" && !value ? (key === "" && !effect ? "op=Exists" : " op=Exists") : "";
  return `${withEffect}${exists}${tolerationSeconds === undefined ? "" : ` for ${tolerationSeconds}s`}`;
}
