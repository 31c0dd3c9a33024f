import type {
  PersistentVolumeClaimSpec,
  PodTemplateSpec,
  Toleration,
  TopologySpreadConstraint,
  Volume,
} from "../../../api/generated/core-v1.ts";
import { claimText } from "./claim.ts";
import { containersText } from "./containers.ts";
import { annotationRows, labelRows, selectorText } from "./metadata.ts";
import { indent, rowIf, rows, type Text } from "./text.ts";
import { volumesText } from "./volumes.ts";

/** The pods that something makes. */
export function podTemplateText({ metadata, spec }: PodTemplateSpec): Text {
  return [
    "Pod Template:",
    indent(
      1,
      labelRows("Labels", metadata?.labels),
      Object.keys(metadata?.annotations ?? {}).length > 0 && annotationRows("Annotations", metadata?.annotations),
      rowIf("Service Account", spec?.serviceAccountName),
    ),
    Boolean(spec?.initContainers?.length) && containersText("Init Containers", spec?.initContainers ?? []),
    containersText("Containers", spec?.containers ?? []),
    volumesText(spec?.volumes, " ", ephemeralClaim),
    indent(
      1,
      spreadRows(spec?.topologySpreadConstraints),
      rowIf("Priority Class Name", spec?.priorityClassName),
      labelRows("Node-Selectors", spec?.nodeSelector),
      tolerationRows(spec?.tolerations),
    ),
  ];
}

/** The claim that an ephemeral volume makes. Values of labels and annotations stand in as far as the rows do, once more. */
export function ephemeralClaim({ ephemeral }: Volume): Text {
  const template = ephemeral?.volumeClaimTemplate;
  if (!template) return undefined;
  const { labels, annotations } = template.metadata ?? {};
  const marks = [...labelRows("Labels", labels), ...annotationRows("Annotations", annotations)];
  const nested = marks.map((line) => line.replace("\t", "\t    "));
  return indent(2, claimText({ spec: template.spec as PersistentVolumeClaimSpec, annotations }, nested));
}

/** Which taints the pods put up with. */
export function tolerationRows(tolerations: readonly Toleration[] = []): Text {
  const texts = tolerations
    .toSorted((a, b) => ((a.key ?? "") < (b.key ?? "") ? -1 : (a.key ?? "") > (b.key ?? "") ? 1 : 0))
    .map(({ key = "", value, effect, operator, tolerationSeconds }) => {
      const taint = `${key}${value ? `=${value}` : ""}${effect ? `:${effect}` : ""}`;
      const exists = operator === "Exists" && !value ? `${taint ? " " : ""}op=Exists` : "";
      return `${taint}${exists}${tolerationSeconds === undefined ? "" : ` for ${tolerationSeconds}s`}`;
    });
  return rows("Tolerations", texts);
}

/** How the pods are spread. */
export function spreadRows(constraints: readonly TopologySpreadConstraint[] = []): Text {
  const texts = constraints
    .toSorted((a, b) => (a.topologyKey < b.topologyKey ? -1 : a.topologyKey > b.topologyKey ? 1 : 0))
    .map(({ topologyKey, whenUnsatisfiable, maxSkew, labelSelector }) => {
      const selected = labelSelector ? ` for selector ${selectorText(labelSelector)}` : "";
      return `${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded${selected}`;
    });
  return texts.length > 0 && rows("Topology Spread Constraints", texts);
}
