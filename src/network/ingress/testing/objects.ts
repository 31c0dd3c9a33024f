import type { Target } from "../../proxy/front.ts";
import type { EndpointSliceInput } from "../../proxy/service-input.ts";
import { serviceNameLabel } from "../../proxy/service-input.ts";
import type { IngressBackendInput, IngressClassInput, IngressInput, IngressServiceInput } from "../ingress-input.ts";
import { IngressState } from "../ingress-state.ts";
import type { IngressPlan } from "../plan.ts";

const namespace = "default";

export const ownClass: IngressClassInput = {
  metadata: { name: "navarch", annotations: { "ingressclass.kubernetes.io/is-default-class": "true" } },
  spec: { controller: "navarch.io/ingress" },
};

/** An Ingress of our class; `age` says how many seconds it is older than others. */
export function ingressOf(
  name: string,
  spec: NonNullable<IngressInput["spec"]>,
  more: { readonly age?: number; readonly annotations?: Readonly<Record<string, string>> } = {},
): IngressInput {
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1) - (more.age ?? 0) * 1000).toISOString();
  const { annotations } = more;
  return {
    metadata: { name, namespace, uid: `uid-${name}`, creationTimestamp, ...(annotations ? { annotations } : {}) },
    spec: { ingressClassName: "navarch", ...spec },
  };
}

export const to = (name: string, number = 80): IngressBackendInput => ({ service: { name, port: { number } } });

export function serviceOf(name: string, port: { readonly name?: string; readonly appProtocol?: string } = {}) {
  const service: IngressServiceInput = { metadata: { name, namespace }, spec: { ports: [{ port: 80, ...port }] } };
  return service;
}

/** A slice per endpoint, since the ports of a test's servers differ. */
export function slicesOf(
  name: string,
  endpoints: readonly (Target & { readonly ready?: boolean; readonly terminating?: boolean })[],
  portName?: string,
): readonly EndpointSliceInput[] {
  return endpoints.map(({ ip, port, ready = true, terminating = false }, index) => ({
    metadata: { name: `${name}-${index}`, namespace, labels: { [serviceNameLabel]: name } },
    addressType: "IPv4",
    endpoints: [{ addresses: [ip], conditions: { ready, serving: ready || terminating, terminating } }],
    ports: [{ port, protocol: "TCP", ...(portName ? { name: portName } : {}) }],
  }));
}

export interface Given {
  readonly ingresses?: readonly IngressInput[];
  readonly classes?: readonly IngressClassInput[];
  readonly services?: readonly IngressServiceInput[];
  readonly slices?: readonly EndpointSliceInput[];
}

export function planOf({ ingresses = [], classes = [ownClass], services = [], slices = [] }: Given): IngressPlan {
  const state = new IngressState();
  for (const each of ingresses) state.setIngress(each);
  for (const each of classes) state.setClass(each);
  for (const each of services) state.setService(each);
  for (const each of slices) state.setSlice(each);
  return state.plan();
}

/** A plan of one Ingress over some services with the given endpoints. */
export function planFor(
  spec: NonNullable<IngressInput["spec"]>,
  services: Readonly<
    Record<string, readonly (Target & { readonly ready?: boolean; readonly terminating?: boolean })[]>
  >,
  {
    annotations,
    ...port
  }: { readonly appProtocol?: string; readonly annotations?: Readonly<Record<string, string>> } = {},
): IngressPlan {
  return planOf({
    ingresses: [ingressOf("web", spec, annotations ? { annotations } : {})],
    services: Object.keys(services).map((name) => serviceOf(name, port)),
    slices: Object.entries(services).flatMap(([name, endpoints]) => slicesOf(name, endpoints)),
  });
}
