import type * as networking from "../../api/generated/networking-v1.ts";
import type { ObjectMetaInput } from "../proxy/service-input.ts";

/** The parts of networking.k8s.io/v1 NetworkPolicy, v1 Namespace and v1 Pod that policy depends on. */
export interface NetworkPolicyInput {
  readonly metadata?: ObjectMetaInput;
  readonly spec?: networking.NetworkPolicySpec;
}

export interface PolicyNamespaceInput {
  readonly metadata?: ObjectMetaInput;
}

export interface PolicyContainerInput {
  readonly restartPolicy?: string;
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort: number;
    readonly protocol?: string;
  }[];
}

export interface PolicyPodInput {
  readonly metadata?: ObjectMetaInput;
  readonly spec?: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly containers?: readonly PolicyContainerInput[];
    readonly initContainers?: readonly PolicyContainerInput[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip?: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** The annotation by which a Namespace of 2016 closed its pods: `{"ingress":{"isolation":"DefaultDeny"}}`. */
export const isolationAnnotation = "net.beta.kubernetes.io/network-policy";

/** Whether the 2016 annotation isolates all pods of the namespace for ingress; what is not JSON says nothing. */
export function isolatedByAnnotation(namespace: PolicyNamespaceInput | undefined): boolean {
  const text = namespace?.metadata?.annotations?.[isolationAnnotation];
  if (text === undefined) return false;
  try {
    const said = JSON.parse(text) as { readonly ingress?: { readonly isolation?: unknown } } | null;
    return said?.ingress?.isolation === "DefaultDeny";
  } catch {
    return false;
  }
}

/** Which directions a policy closes. What policyTypes defaults to when absent: always Ingress, and Egress when there are such rules. */
export function directionsOf(spec: networking.NetworkPolicySpec): readonly Direction[] {
  const types = spec.policyTypes?.length ? spec.policyTypes : ["Ingress", ...(spec.egress?.length ? ["Egress"] : [])];
  return directions.filter((direction) => types.includes(direction === "ingress" ? "Ingress" : "Egress"));
}

/** Seen from the pod that a policy is about. */
export type Direction = "ingress" | "egress";

export const directions: readonly Direction[] = ["ingress", "egress"];
