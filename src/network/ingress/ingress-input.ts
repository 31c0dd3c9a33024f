import type { ObjectMetaInput } from "../proxy/service-input.ts";

/**
 * The parts of networking.k8s.io/v1 Ingress and IngressClass, v1 Service and Secret, and discovery.k8s.io/v1 EndpointSlice
 * that routing is made from. The API's own types fit them structurally.
 */
export interface IngressInput {
  readonly metadata?: ObjectMetaInput;
  readonly spec?: {
    readonly ingressClassName?: string;
    readonly defaultBackend?: IngressBackendInput;
    readonly rules?: readonly IngressRuleInput[];
    readonly tls?: readonly IngressTlsInput[];
  };
}

export interface IngressRuleInput {
  readonly host?: string;
  readonly http?: { readonly paths: readonly IngressPathInput[] | null };
}

export interface IngressPathInput {
  readonly path?: string;
  readonly pathType?: string;
  readonly backend: IngressBackendInput;
}

export interface IngressBackendInput {
  readonly service?: {
    readonly name: string;
    readonly port?: { readonly name?: string; readonly number?: number };
  };
  readonly resource?: { readonly apiGroup?: string; readonly kind: string; readonly name: string };
}

export interface IngressTlsInput {
  readonly hosts?: readonly string[];
  readonly secretName?: string;
}

export interface IngressClassInput {
  readonly metadata?: ObjectMetaInput;
  readonly spec?: { readonly controller?: string };
}

export interface IngressServiceInput {
  readonly metadata?: ObjectMetaInput;
  readonly spec?: {
    readonly type?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly appProtocol?: string }[];
  };
}

/** `data` is base64, as the API has it. */
export interface TlsSecretInput {
  readonly metadata?: ObjectMetaInput;
  readonly data?: Readonly<Record<string, string>>;
}
