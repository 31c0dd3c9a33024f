import { cidrContains, parseCidr } from "../machine/address.ts";
import { doorKey, type Front, type HostPort, type Protocol, type Target, targetKey } from "./front.ts";

/** A new connection, as the proxy meets it. */
export interface Approach {
  readonly source: string;
  /** The client is a process of the node itself. */
  readonly fromNode: boolean;
  readonly destination: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/** What the proxy does with a connection, and why. */
export type Verdict =
  | {
      readonly kind: "forward";
      readonly candidates: readonly Target[];
      /** Whether the target sees the node's address instead of the client's. */
      readonly masquerade: boolean;
      readonly service: string;
      readonly because: string;
    }
  | { readonly kind: "refuse" | "drop"; readonly service: string; readonly because: string }
  | { readonly kind: "pass"; readonly because: string };

/** The world in which a proxy decides. */
export interface DecisionContext {
  readonly fronts: ReadonlyMap<string, Front>;
  readonly hostPorts: ReadonlyMap<string, HostPort>;
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  readonly nodeAddresses: readonly string[];
}

/** The same decision that the kernel's tables make, as a value with its reason; for simulated nodes and for people who ask why. Pure. */
export function decide(approach: Approach, context: DecisionContext): Verdict {
  const { source, destination, protocol, port } = approach;
  const within = (ranges: readonly string[], address: string) => {
    const parsed = parseCidr(address);
    return (
      parsed !== undefined &&
      ranges.some((range) => cidrContains(parseCidr(range) ?? parsed, parsed) && parseCidr(range) !== undefined)
    );
  };
  const toNode = context.nodeAddresses.includes(destination) || destination.startsWith("127.");
  const front =
    context.fronts.get(doorKey({ kind: "address", address: destination, protocol, port })) ??
    (toNode ? context.fronts.get(doorKey({ kind: "nodePort", protocol, port })) : undefined);
  if (!front) {
    const hostPort =
      context.hostPorts.get(`${destination}/${protocol}/${port}`) ??
      (toNode ? context.hostPorts.get(`${protocol}/${port}`) : undefined);
    if (hostPort) {
      return {
        kind: "forward",
        candidates: [hostPort.target],
        masquerade: source.startsWith("127.") || source === hostPort.target.ip,
        service: "",
        because: "a pod has this host port",
      };
    }
    if (within(context.serviceRanges, destination))
      return { kind: "refuse", service: "", because: "no service has this address and port" };
    return { kind: "pass", because: "no service, node port or host port is meant" };
  }

  const { service } = front;
  if (front.sourceRanges && !approach.fromNode && !within(front.sourceRanges, source)) {
    return { kind: "drop", service, because: "the client is not in loadBalancerSourceRanges" };
  }
  if (front.targets.length === 0) {
    return front.drop
      ? { kind: "drop", service, because: "the internal traffic policy is Local and this node has no endpoint" }
      : { kind: "refuse", service, because: "the service has no endpoint" };
  }
  const fromPod = within(context.podRanges, source);
  if (front.localOnly && !fromPod && !approach.fromNode) {
    if (front.localOnly.length === 0) {
      return { kind: "drop", service, because: "the external traffic policy is Local and this node has no endpoint" };
    }
    return {
      kind: "forward",
      candidates: front.localOnly,
      masquerade: false,
      service,
      because: "the external traffic policy is Local",
    };
  }
  const masquerade = front.localOnly ? !fromPod : front.masquerade === "everybody" || !fromPod;
  return {
    kind: "forward",
    candidates: front.targets,
    masquerade,
    service,
    because: "the service has these endpoints",
  };
}

/** Whether a connection to `chosen` has its source replaced: as decided, or because a pod would answer itself directly. */
export function seenAsNode(verdict: Extract<Verdict, { kind: "forward" }>, source: string, chosen: Target): boolean {
  return verdict.masquerade || source === chosen.ip || source.startsWith("127.");
}

/** Whether a target is among those of a verdict. */
export function allows(verdict: Verdict, target: Target): boolean {
  return (
    verdict.kind === "forward" && verdict.candidates.some((candidate) => targetKey(candidate) === targetKey(target))
  );
}
