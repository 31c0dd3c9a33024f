import type { EndpointSlice } from "../../../api/generated/discovery-v1.ts";
import { type DescribeContext, listAll } from "./describer.ts";

/** The slices that belong to a service. */
export function slicesOf(
  context: DescribeContext,
  namespace: string,
  service: string,
): Promise<readonly EndpointSlice[]> {
  const type = { group: "discovery.k8s.io", plural: "endpointslices" };
  return listAll<EndpointSlice>({ ...context, chunkSize: 0 }, type, namespace, {
    labelSelector: `kubernetes.io/service-name=${service}`,
  });
}

const most = 3;

/** Up to three ready addresses behind the port of a name, and how many more there are. */
export function endpointsText(slices: readonly EndpointSlice[], portName: string): string {
  if (slices.length === 0) return "<none>";
  const all = slices.flatMap(({ ports = [], endpoints = [] }) => {
    const ready = endpoints.filter(({ conditions }) => conditions?.ready ?? true).map(({ addresses }) => addresses[0]);
    if (ports.length === 0) return ready;
    return ports
      .filter(({ name = "" }) => name === portName)
      .flatMap(({ port }) =>
        ready.map((address = "") => `${address.includes(":") ? `[${address}]` : address}:${port}`),
      );
  });
  const shown = all.slice(0, most).join(",");
  return all.length > most ? `${shown} + ${all.length - most} more...` : shown;
}
