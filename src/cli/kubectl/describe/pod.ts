import { qosClassOf } from "../../../api/core/qos.ts";
import type { Container, Pod } from "../../../api/generated/core-v1.ts";
import { ageText } from "../output/age.ts";
import { containersText, resourcesText, seccompText } from "./containers.ts";
import { defineDescriber, subjectOf } from "./describer.ts";
import { controllerRow, labelRows, marks, nameRows } from "./metadata.ts";
import { ephemeralClaim, spreadRows, tolerationRows } from "./pod-template.ts";
import { indent, row, rowIf, type Text, timeText } from "./text.ts";
import { volumesText } from "./volumes.ts";

const mirror = "kubernetes.io/config.mirror";

/** `kubectl describe pod` */
export const pod = defineDescriber<Pod>(
  "v1",
  (pod, { now }) => {
    const { spec, status } = pod;
    return [
      nameRows(pod),
      rowIf("Priority", spec.priority),
      rowIf("Priority Class Name", spec.priorityClassName),
      rowIf("Runtime Class Name", spec.runtimeClassName),
      rowIf("Service Account", spec.serviceAccountName),
      row("Node", spec.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ""}` : "<none>"),
      rowIf("Start Time", status?.startTime && timeText(status.startTime)),
      marks(pod),
      phaseRows(pod, now),
      rowIf("Reason", status?.reason),
      rowIf("Message", status?.message),
      seccompText(spec.securityContext?.seccompProfile, 0),
      row("IP", status?.podIP),
      status?.podIPs?.length
        ? [
            "IPs:",
            indent(
              1,
              status.podIPs.map(({ ip }) => row("IP", ip)),
            ),
          ]
        : row("IPs", "<none>"),
      controllerRow(pod),
      rowIf("NominatedNodeName", status?.nominatedNodeName),
      spec.resources && ["Resources:", indent(1, resourcesText(spec.resources))],
      containersOf(pod),
      conditionsText(pod),
      volumesText(spec.volumes, "", ephemeralClaim),
      row("QoS Class", status?.qosClass || qosClassOf(spec)),
      labelRows("Node-Selectors", spec.nodeSelector),
      tolerationRows(spec.tolerations),
      spreadRows(spec.topologySpreadConstraints),
    ];
  },
  (object) => {
    // Events of a mirror pod are about the pod of the file.
    const { kind: _, ...subject } = subjectOf(object);
    const uid = object.metadata.annotations?.[mirror];
    return [{ ...subject, ...(uid === undefined ? {} : { uid }) }];
  },
);

function phaseRows({ metadata, status }: Pod, now: number): Text {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  const phase = status?.phase ?? "";
  if (!deletionTimestamp || phase === "Failed" || phase === "Succeeded") return row("Status", phase);
  return [
    row("Status", `Terminating (lasts ${ageText(deletionTimestamp, now)})`),
    row("Termination Grace Period", `${deletionGracePeriodSeconds ?? 0}s`),
  ];
}

function containersOf(pod: Pod): Text {
  const { spec, status } = pod;
  const { initContainers = [], ephemeralContainers = [] } = spec;
  return [
    initContainers.length > 0 &&
      containersText("Init Containers", initContainers, { statuses: status?.initContainerStatuses, pod }),
    containersText("Containers", spec.containers, { statuses: status?.containerStatuses, pod }),
    ephemeralContainers.length > 0 &&
      containersText("Ephemeral Containers", ephemeralContainers as readonly Container[], {
        statuses: status?.ephemeralContainerStatuses,
        pod,
      }),
  ];
}

function conditionsText({ spec, status }: Pod): Text {
  const { conditions = [] } = status ?? {};
  const gates = spec.readinessGates ?? [];
  const statusOf = (type: string) => conditions.find((condition) => condition.type === type)?.status ?? "<none>";
  return [
    gates.length > 0 && [
      "Readiness Gates:",
      "  Type\tStatus",
      gates.map(({ conditionType }) => `  ${conditionType} \t${statusOf(conditionType)} `),
    ],
    conditions.length > 0 && [
      "Conditions:",
      "  Type\tStatus",
      conditions.map(({ type, status }) => `  ${type} \t${status} `),
    ],
  ];
}
