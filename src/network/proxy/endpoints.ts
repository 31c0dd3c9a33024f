import type { IpFamily } from "../machine/address.ts";
import { type Protocol, protocolOf, type Target, targetKey } from "./front.ts";
import type { EndpointInput, EndpointSliceInput } from "./service-input.ts";

/** An endpoint of one service port, with what the choice among endpoints depends on. */
export interface Candidate {
  readonly target: Target;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly local: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** Where this proxy runs. */
export interface ProxyNode {
  readonly name: string;
  /** `topology.kubernetes.io/zone` of the node. */
  readonly zone?: string;
}

/** All endpoints of the slices that carry the named port, one per address and port, sorted so that plans compare. */
export function candidates(
  slices: readonly EndpointSliceInput[],
  port: { readonly name: string; readonly protocol: Protocol },
  node: ProxyNode,
  family: IpFamily,
): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const slicePort of slice.ports ?? []) {
      if ((slicePort.name ?? "") !== port.name || protocolOf(slicePort.protocol) !== port.protocol || !slicePort.port)
        continue;
      for (const endpoint of slice.endpoints ?? []) {
        const candidate = candidateOf(endpoint, slicePort.port, node);
        if (!candidate) continue;
        const key = targetKey(candidate.target);
        const other = found.get(key);
        // A pod moving between slices is briefly in both; the one that may take traffic counts.
        if (!other || (!other.ready && candidate.ready)) found.set(key, candidate);
      }
    }
  }
  return [...found.keys()].sort().map((key) => found.get(key)!);
}

function candidateOf(endpoint: EndpointInput, port: number, node: ProxyNode): Candidate | undefined {
  const ip = endpoint.addresses[0];
  if (!ip) return undefined;
  return {
    target: { ip, port },
    ready: endpoint.conditions?.ready ?? true,
    serving: endpoint.conditions?.serving ?? true,
    terminating: endpoint.conditions?.terminating ?? false,
    local: endpoint.nodeName === node.name,
    zoneHints: endpoint.hints?.forZones?.map((zone) => zone.name) ?? [],
    nodeHints: endpoint.hints?.forNodes?.map((hint) => hint.name) ?? [],
  };
}

/** The targets that a service port may use here, for each traffic policy. */
export interface Choice {
  /** Under policy Cluster. */
  readonly cluster: readonly Target[];
  /** Under policy Local. */
  readonly local: readonly Target[];
  /** Those of this node that are ready: what load balancers are told, so that they leave a node while its last ones end. */
  readonly localReady: readonly Target[];
  /** Whether any endpoint anywhere could take traffic; without one the service refuses connections. */
  readonly any: boolean;
}

/**
 * Ready endpoints; only while there is none, those that terminate but still serve (KEP-1669). Zone and node hints
 * narrow the Cluster policy, but only when every ready endpoint carries them (KEP-2433, KEP-3015).
 */
export function choose(all: readonly Candidate[], node: ProxyNode): Choice {
  const usable = (from: readonly Candidate[]): readonly Candidate[] => {
    const ready = from.filter((candidate) => candidate.ready);
    return ready.length > 0 ? ready : from.filter((candidate) => candidate.serving && candidate.terminating);
  };
  const targets = (from: readonly Candidate[]) => from.map((candidate) => candidate.target);
  const anywhere = usable(all);
  const cluster = anywhere.some((candidate) => candidate.ready) ? nearest(anywhere, node) : anywhere;
  return {
    cluster: targets(cluster),
    local: targets(usable(all.filter((candidate) => candidate.local))),
    localReady: targets(all.filter((candidate) => candidate.local && candidate.ready)),
    any: anywhere.length > 0,
  };
}

function nearest(ready: readonly Candidate[], node: ProxyNode): readonly Candidate[] {
  if (ready.every((candidate) => candidate.nodeHints.length > 0)) {
    const here = ready.filter((candidate) => candidate.nodeHints.includes(node.name));
    if (here.length > 0) return here;
  }
  const zone = node.zone;
  if (zone && ready.every((candidate) => candidate.zoneHints.length > 0)) {
    const here = ready.filter((candidate) => candidate.zoneHints.includes(zone));
    if (here.length > 0) return here;
  }
  return ready;
}
