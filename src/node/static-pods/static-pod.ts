import { createHash } from "node:crypto";
import { podDefaults } from "../../api/core/pod-defaults.ts";
import { qosClassOf } from "../../api/core/qos.ts";
import { validatePodSpec } from "../../api/core/validate-pod-spec.ts";
import type { Pod, PodSpec } from "../../api/generated/core-v1.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { parseYamlDocuments } from "../../machinery/codec-yaml.ts";
import { path } from "../../machinery/fields.ts";
import { timeOf } from "../../machinery/times.ts";

/** The annotations by which everybody knows static pods and their mirrors (Kubernetes documentation: static pods). */
export const staticPodAnnotations = {
  hash: "kubernetes.io/config.hash",
  seen: "kubernetes.io/config.seen",
  source: "kubernetes.io/config.source",
  mirror: "kubernetes.io/config.mirror",
} as const;

/** True for the API's picture of a static pod, which no worker looks after. */
export function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[staticPodAnnotations.mirror] !== undefined;
}

/** True for a pod that the node was given by a file or a URL. */
export function isStatic({ metadata }: Pod): boolean {
  const source = metadata.annotations?.[staticPodAnnotations.source];
  return source !== undefined && source !== "api" && !isMirror({ metadata } as Pod);
}

export interface ManifestPlace {
  readonly source: "file" | "http";
  /** The file or URL that the text is from. */
  readonly at: string;
  readonly nodeName: string;
  /** Milliseconds since the epoch at which it was first seen. */
  readonly now: number;
}

export interface ManifestPods {
  readonly pods: readonly Pod[];
  /** What cannot be a static pod, and why. */
  readonly faults: readonly string[];
}

/** Reads the pods, single ones or lists of them, of a manifest. A text that is no manifest at all throws Fault `invalid`. */
export function podsOfManifest(text: string, place: ManifestPlace): ManifestPods {
  const pods: Pod[] = [];
  const faults: string[] = [];
  for (const document of parseYamlDocuments(text)) {
    const { kind, items } = document as { readonly kind?: unknown; readonly items?: unknown };
    const drafts = Array.isArray(items) ? items : [document];
    if (!Array.isArray(items) && kind !== "Pod")
      throw new Fault("invalid", `${place.at} holds ${kind ? `a ${kind}` : "something"} where a Pod is expected`);
    for (const draft of drafts) {
      try {
        pods.push(staticPod(draft as Pod, place));
      } catch (error) {
        faults.push(errorMessage(error));
      }
    }
  }
  return { pods, faults };
}

/**
 * What becomes of a manifest on a node: the node's name behind the pod's, the default namespace, no eviction by taints, and a
 * uid that changes with the text, its place and the node, so that a changed manifest is another pod.
 */
function staticPod(draft: Pod, place: ManifestPlace): Pod {
  const { nodeName, source, at, now } = place;
  if (draft === null || typeof draft !== "object" || !draft.metadata?.name)
    throw new Fault("invalid", `${at}: a pod has no name`);
  const uid = draft.metadata.uid || hashOf(draft, place);
  const spec: PodSpec = {
    ...draft.spec,
    nodeName,
    tolerations: [...(draft.spec?.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
  };
  const pod = podDefaults({
    ...draft,
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...draft.metadata,
      name: `${draft.metadata.name}-${nodeName.toLowerCase()}`,
      namespace: draft.metadata.namespace || "default",
      uid,
      creationTimestamp: timeOf(now),
      resourceVersion: "0",
      annotations: {
        ...draft.metadata.annotations,
        [staticPodAnnotations.hash]: uid,
        [staticPodAnnotations.seen]: new Date(now).toISOString().replace(/Z$/, "000000Z"),
        [staticPodAnnotations.source]: source,
      },
    },
    spec,
    status: { phase: "Pending", qosClass: qosClassOf(spec) },
  });
  const where = `${at}: pod ${pod.metadata.name}`;
  const [error] = validatePodSpec(pod.spec, path("spec"));
  if (error) throw new Fault("invalid", `${where}: ${error.field}: ${error.message}`);
  const reference = referenceOf(pod.spec);
  if (reference) throw new Fault("invalid", `${where}: static pods can not reference ${reference}`);
  return pod;
}

function hashOf(draft: Pod, { nodeName, source, at }: ManifestPlace): string {
  const origin = source === "file" ? `host:${nodeName}file:${at}` : `url:${at}`;
  return createHash("md5").update(JSON.stringify(draft)).update(origin).digest("hex");
}

/** What of the API a pod would need; a static pod must do without. */
function referenceOf(spec: PodSpec): string | undefined {
  if (spec.serviceAccountName) return "serviceaccounts";
  if (spec.imagePullSecrets?.length) return "secrets";
  if (spec.resourceClaims?.length) return "resourceclaims";
  for (const { env = [], envFrom = [] } of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (envFrom.some(({ secretRef }) => secretRef) || env.some(({ valueFrom }) => valueFrom?.secretKeyRef))
      return "secrets";
    if (envFrom.some(({ configMapRef }) => configMapRef) || env.some(({ valueFrom }) => valueFrom?.configMapKeyRef))
      return "configmaps";
  }
  for (const { secret, configMap, persistentVolumeClaim, ephemeral, csi, projected } of spec.volumes ?? []) {
    if (secret || projected?.sources?.some((each) => each.secret)) return "secrets";
    if (configMap || projected?.sources?.some((each) => each.configMap)) return "configmaps";
    if (projected?.sources?.some((each) => each.serviceAccountToken)) return "serviceaccounts";
    if (projected?.sources?.some((each) => each.clusterTrustBundle)) return "clustertrustbundles";
    if (persistentVolumeClaim || ephemeral) return "persistentvolumeclaims";
    if (csi) return "csidrivers";
  }
  return undefined;
}
