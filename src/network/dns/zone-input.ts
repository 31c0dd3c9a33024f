import type { EndpointInput, EndpointSliceInput, ObjectMetaInput, ServiceInput } from "../proxy/service-input.ts";

/** The parts of v1 Service, discovery.k8s.io/v1 EndpointSlice and v1 Pod that names are made from. */
export interface DnsServiceInput extends ServiceInput {
  readonly spec?: NonNullable<ServiceInput["spec"]> & { readonly externalName?: string };
}

export interface DnsEndpointSliceInput extends Omit<EndpointSliceInput, "endpoints"> {
  readonly endpoints?: readonly (EndpointInput & { readonly hostname?: string })[];
}

export interface DnsPodInput {
  readonly metadata?: ObjectMetaInput;
  readonly status?: { readonly podIP?: string; readonly podIPs?: readonly { readonly ip?: string }[] };
}
