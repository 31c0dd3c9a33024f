/**
 * The parts of v1 Service, discovery.k8s.io/v1 EndpointSlice and v1 Pod that the proxy reads. The API's own types fit
 * them structurally, so informers' objects are passed as they are.
 */
export interface ObjectMetaInput {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ProxyNodeInput {
  readonly metadata?: ObjectMetaInput;
}

export interface ServicePortInput {
  readonly name?: string;
  readonly protocol?: string;
  readonly port: number;
  readonly nodePort?: number;
}

export interface ServiceInput {
  readonly metadata?: ObjectMetaInput;
  readonly spec?: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly externalIPs?: readonly string[];
    readonly ports?: readonly ServicePortInput[];
    readonly sessionAffinity?: string;
    readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
    readonly internalTrafficPolicy?: string;
    readonly externalTrafficPolicy?: string;
    readonly healthCheckNodePort?: number;
    readonly loadBalancerSourceRanges?: readonly string[];
  };
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[] };
  };
}

export interface EndpointInput {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly nodeName?: string;
  readonly zone?: string;
  readonly hints?: {
    readonly forZones?: readonly { readonly name: string }[];
    readonly forNodes?: readonly { readonly name: string }[];
  };
}

export interface EndpointSliceInput {
  readonly metadata?: ObjectMetaInput;
  readonly addressType: string;
  readonly endpoints?: readonly EndpointInput[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
}

export interface HostPortPodInput {
  readonly metadata?: ObjectMetaInput;
  readonly spec?: {
    readonly hostNetwork?: boolean;
    readonly containers?: readonly HostPortContainerInput[];
    readonly initContainers?: readonly HostPortContainerInput[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip?: string }[];
  };
}

export interface HostPortContainerInput {
  readonly restartPolicy?: string;
  readonly ports?: readonly {
    readonly containerPort: number;
    readonly hostPort?: number;
    readonly hostIP?: string;
    readonly protocol?: string;
  }[];
}

/** The label that ties an EndpointSlice to its Service. */
export const serviceNameLabel = "kubernetes.io/service-name";

/** `namespace/name`, the key of a namespaced object. */
export function objectKey(object: { readonly metadata?: ObjectMetaInput }): string {
  return `${object.metadata?.namespace ?? ""}/${object.metadata?.name ?? ""}`;
}

/** The key of the Service that a slice belongs to, or undefined for a slice that belongs to none. */
export function sliceServiceKey(slice: EndpointSliceInput): string | undefined {
  const name = slice.metadata?.labels?.[serviceNameLabel];
  return name ? `${slice.metadata?.namespace ?? ""}/${name}` : undefined;
}
