import { createHash } from "node:crypto";
import type { EndpointSliceInput, ServiceInput } from "../proxy/service-input.ts";
import { objectKey, sliceServiceKey } from "../proxy/service-input.ts";

/** The parts of a v1 Node that decide whether it can answer for an address. */
export interface AnnouncingNodeInput {
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  };
}

/** What the choice is made from. */
export interface AnnouncementInput {
  readonly services: Iterable<ServiceInput>;
  readonly slices: Iterable<EndpointSliceInput>;
  /** All nodes; undefined where there is only this one. */
  readonly nodes: Iterable<AnnouncingNodeInput> | undefined;
  readonly self: string;
}

/** Nodes with this label answer for no balancer's address. */
const excludedLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

/**
 * The balancers' addresses that this node answers for on its network. Every node comes to the same choice by itself: of the
 * nodes that are ready (and, under the Local external policy, have an endpoint of the service that is ready) the one that a hash of both names
 * puts first, so that a node that comes or goes moves only the addresses that it gets or had. Pure.
 */
export function announcedHere({ services, slices, nodes, self }: AnnouncementInput): ReadonlySet<string> {
  const balanced = [...services].filter(({ spec }) => spec?.type === "LoadBalancer");
  if (balanced.length === 0) return new Set();
  const all = nodes && [...nodes];
  const ready = all ? all.filter(canAnnounce).flatMap(({ metadata }) => metadata?.name ?? []) : [self];
  const nodeAddresses = new Set(
    (all ?? []).flatMap(({ status }) => status?.addresses?.map(({ address }) => address) ?? []),
  );
  const hosts = readyHosts(slices);
  const here = new Set<string>();
  for (const service of balanced) {
    const local = service.spec?.externalTrafficPolicy === "Local";
    const candidates = local ? ready.filter((node) => hosts.get(objectKey(service))?.has(node)) : ready;
    for (const { ip, ipMode = "VIP" } of service.status?.loadBalancer?.ingress ?? []) {
      // A node's own address is answered by that node without our doing.
      if (!ip || ipMode !== "VIP" || nodeAddresses.has(ip)) continue;
      if (first(candidates, ip) === self) here.add(ip);
    }
  }
  return here;
}

function canAnnounce({ metadata, status }: AnnouncingNodeInput): boolean {
  if (metadata?.deletionTimestamp || metadata?.labels?.[excludedLabel] !== undefined) return false;
  return (status?.conditions ?? []).some(({ type, status: holds }) => type === "Ready" && holds === "True");
}

function readyHosts(slices: Iterable<EndpointSliceInput>): ReadonlyMap<string, ReadonlySet<string>> {
  const hosts = new Map<string, Set<string>>();
  for (const slice of slices) {
    const key = sliceServiceKey(slice);
    if (!key) continue;
    const known = hosts.get(key) ?? new Set<string>();
    for (const { nodeName, conditions } of slice.endpoints ?? []) {
      if (nodeName && conditions?.ready !== false) known.add(nodeName);
    }
    hosts.set(key, known);
  }
  return hosts;
}

function first(nodes: readonly string[], address: string): string | undefined {
  const rank = (node: string) => createHash("sha256").update(`${node} ${address}`).digest("hex");
  return nodes.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))[0];
}
