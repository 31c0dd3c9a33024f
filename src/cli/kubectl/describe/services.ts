import type { EndpointSubset, Endpoints, LoadBalancerIngress, Service } from "../../../api/generated/core-v1.ts";
import type { Endpoint, EndpointSlice } from "../../../api/generated/discovery-v1.ts";
import { defineDescriber } from "./describer.ts";
import { endpointsText, slicesOf } from "./endpoint-text.ts";
import { marks, nameRows } from "./metadata.ts";
import { indent, pairs, row, rowIf, type Text, table } from "./text.ts";

const joined = (texts: readonly string[] | undefined) => texts?.join(",");

/** `kubectl describe service` */
export const service = defineDescriber<Service>("v1", async (service, context) => {
  const { metadata, spec, status } = service;
  const slices = await slicesOf(context, metadata.namespace, metadata.name).catch(() => []);
  return [
    nameRows(service),
    marks(service),
    row("Selector", pairs(spec.selector)),
    row("Type", spec.type),
    rowIf("IP Family Policy", spec.ipFamilyPolicy),
    row("IP Families", joined(spec.ipFamilies) || "<none>"),
    row("IP", spec.clusterIP),
    row("IPs", joined(spec.clusterIPs) || "<none>"),
    rowIf("External IPs", joined(spec.externalIPs)),
    rowIf("Desired LoadBalancer IP", spec.loadBalancerIP),
    rowIf("External Name", spec.externalName),
    rowIf("LoadBalancer Ingress", status?.loadBalancer?.ingress?.map(ingressText).join(", ")),
    (spec.ports ?? []).map(({ name, port, protocol, targetPort, nodePort }) => [
      `Port:\t${name || "<unset>"}\t${port}/${protocol}`,
      row("TargetPort", `${targetPort ?? 0}/${protocol}`),
      nodePort && `NodePort:\t${name || "<unset>"}\t${nodePort}/${protocol}`,
      row("Endpoints", endpointsText(slices, name ?? "")),
    ]) as Text,
    row("Session Affinity", spec.sessionAffinity),
    rowIf("External Traffic Policy", spec.externalTrafficPolicy),
    rowIf("Internal Traffic Policy", spec.internalTrafficPolicy),
    rowIf("HealthCheck NodePort", spec.healthCheckNodePort),
    rowIf("LoadBalancer Source Ranges", joined(spec.loadBalancerSourceRanges)),
    rowIf("Traffic Distribution", spec.trafficDistribution),
  ];
});

function ingressText({ ip, ipMode, hostname = "" }: LoadBalancerIngress): string {
  if (!ip) return hostname;
  return ipMode ? `${ip} (${ipMode})` : ip;
}

/** `kubectl describe endpoints` */
export const endpoints = defineDescriber<Endpoints>("v1", (endpoints) => [
  nameRows(endpoints),
  marks(endpoints),
  "Subsets:",
  (endpoints.subsets ?? []).map(subsetText),
]);

function subsetText({ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset): Text {
  return [
    indent(
      1,
      row("Addresses", addresses.map(({ ip }) => ip).join(",") || "<none>"),
      row("NotReadyAddresses", notReadyAddresses.map(({ ip }) => ip).join(",") || "<none>"),
      portsText(ports),
    ),
    "",
  ];
}

interface Port {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: string;
}

function portsText(ports: readonly Port[]): Text {
  if (ports.length === 0) return undefined;
  const lines = ports.map(({ name, port, protocol }) => [name || "<unset>", port ?? "<unset>", protocol]);
  return ["Ports:", indent(1, table(["Name", "Port", "Protocol"], lines))];
}

/** `kubectl describe endpointslice` */
export const endpointSlice = defineDescriber<EndpointSlice>("v1", (slice) => {
  const { addressType, ports = [], endpoints = [] } = slice;
  return [
    nameRows(slice),
    marks(slice),
    row("AddressType", addressType),
    ports.length > 0 ? portsText(ports) : "Ports: <unset>",
    endpoints.length > 0 ? ["Endpoints:", indent(1, endpoints.map(endpointText))] : "Endpoints: <none>",
  ];
});

function endpointText({ addresses, conditions, hostname, targetRef, nodeName, zone }: Endpoint): Text {
  return [
    row("- Addresses", addresses.join(", ") || "<none>"),
    indent(1, [
      "Conditions:",
      indent(1, row("Ready", conditions?.ready ?? "<unset>")),
      row("Hostname", hostname ?? "<unset>"),
      targetRef && row("TargetRef", `${targetRef.kind ?? ""}/${targetRef.name ?? ""}`),
      row("NodeName", nodeName ?? "<unset>"),
      row("Zone", zone ?? "<unset>"),
    ]),
  ];
}
