import { familyOf, type IpFamily } from "../machine/address.ts";
import { type Choice, candidates, choose, type ProxyNode } from "./endpoints.ts";
import { type Door, type Front, type Protocol, protocolOf } from "./front.ts";
import { type EndpointSliceInput, objectKey, type ServiceInput } from "./service-input.ts";

/** What a plan depends on besides the service and its slices. */
export interface PlanContext {
  readonly node: ProxyNode;
  readonly family: IpFamily;
  /** Addresses that something on this node answers itself (the cluster DNS); the proxy leaves them alone. */
  readonly skipAddresses?: readonly string[];
}

/** A port on which load balancers ask whether this node has endpoints of a service of its own. */
export interface HealthCheck {
  readonly port: number;
  readonly namespace: string;
  readonly name: string;
  readonly localEndpoints: number;
}

/** All that one service asks of this node. */
export interface ServicePlan {
  readonly fronts: readonly Front[];
  readonly healthCheck?: HealthCheck;
}

const nothing: ServicePlan = { fronts: [] };

/** Services with this label belong to another proxy. */
const otherProxyLabel = "service.kubernetes.io/service-proxy-name";
const sourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
const defaultAffinitySeconds = 10_800;

/** The fronts of one service on this node; none for headless, ExternalName and other proxies' services. Pure. */
export function planService(
  service: ServiceInput,
  slices: readonly EndpointSliceInput[],
  context: PlanContext,
): ServicePlan {
  const { metadata, spec } = service;
  if (!spec || spec.type === "ExternalName" || metadata?.labels?.[otherProxyLabel] !== undefined) return nothing;
  const clusterIPs = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : [];
  if (clusterIPs.length === 0 || clusterIPs[0] === "None") return nothing;

  const serves = (address: string | undefined): address is string =>
    address !== undefined && familyOf(address) === context.family && !context.skipAddresses?.includes(address);
  const clusterIP = clusterIPs.find((address) => familyOf(address) === context.family);
  // A single-stack service of the other family has endpoints, node ports and a balancer in that family only.
  if (clusterIP === undefined) return nothing;

  const balancerIPs = (spec.type === "LoadBalancer" ? (service.status?.loadBalancer?.ingress ?? []) : [])
    .filter((ingress) => (ingress.ipMode ?? "VIP") === "VIP")
    .map((ingress) => ingress.ip)
    .filter(serves);
  const external = unique([...(spec.externalIPs ?? []).filter(serves), ...balancerIPs]);
  const sourceRanges = balancerSources(service);
  const fronts: Front[] = [];
  const localReady = new Set<string>();

  for (const port of spec.ports ?? []) {
    const protocol = protocolOf(port.protocol);
    if (!protocol) continue;
    const choice = choose(
      candidates(slices, { name: port.name ?? "", protocol }, context.node, context.family),
      context.node,
    );
    for (const { ip } of choice.localReady) localReady.add(ip);
    const common = {
      service: `${objectKey(service)}${port.name ? `:${port.name}` : ""}`,
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
          : undefined,
    };
    if (serves(clusterIP))
      fronts.push(internalFront(doorAt(clusterIP, protocol, port.port), common, spec.internalTrafficPolicy, choice));
    for (const address of external) {
      const door = doorAt(address, protocol, port.port);
      const front = externalFront(door, common, spec.externalTrafficPolicy, choice);
      // Source ranges guard the balancer's addresses only.
      fronts.push(sourceRanges && balancerIPs.includes(address) ? { ...front, sourceRanges } : front);
    }
    if (port.nodePort && (spec.type === "NodePort" || spec.type === "LoadBalancer")) {
      fronts.push(
        externalFront({ kind: "nodePort", protocol, port: port.nodePort }, common, spec.externalTrafficPolicy, choice),
      );
    }
  }

  const checked = spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local" && spec.healthCheckNodePort;
  if (!checked) return { fronts };
  const { namespace = "", name = "" } = metadata ?? {};
  return { fronts, healthCheck: { port: checked, namespace, name, localEndpoints: localReady.size } };
}

type Common = Pick<Front, "service" | "affinitySeconds">;

function internalFront(door: Door, common: Common, policy: string | undefined, choice: Choice): Front {
  const targets = policy === "Local" ? choice.local : choice.cluster;
  return { door, ...common, masquerade: "outsidePods", targets, drop: choice.any && targets.length === 0 };
}

function externalFront(door: Door, common: Common, policy: string | undefined, choice: Choice): Front {
  return {
    door,
    ...common,
    masquerade: "everybody",
    targets: choice.cluster,
    localOnly: policy === "Local" && choice.any ? choice.local : undefined,
    drop: false,
  };
}

function doorAt(address: string, protocol: Protocol, port: number): Door {
  return { kind: "address", address, protocol, port };
}

function balancerSources(service: ServiceInput): readonly string[] | undefined {
  const listed = service.spec?.loadBalancerSourceRanges ?? [];
  if (listed.length > 0) return listed;
  const annotated = service.metadata?.annotations?.[sourceRangesAnnotation]?.split(",").map((range) => range.trim());
  return annotated?.some((range) => range !== "") ? annotated.filter((range) => range !== "") : undefined;
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
