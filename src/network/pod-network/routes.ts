import { addressAt, familyOf, formatCidr, type IpFamily, parseCidr } from "../machine/address.ts";
import { macOf } from "./devices.ts";

/** The parts of a v1 Node that routes are made from. */
export interface NodeInput {
  readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** The annotation by which a node names the address that other nodes reach it at, when it is not its InternalIP. */
export const overlayAddressAnnotation = "navarch.dev/overlay-address";

/** How packets get to the pods of other nodes: by plain routes on a shared network, or wrapped in VXLAN over any. */
export type Backend = { readonly kind: "host-gw" } | { readonly kind: "vxlan"; readonly device: string };

/** Everything that must be in the kernel for the pods of other nodes; each line is unique and can be undone alone. */
export interface RouteTable {
  /** Arguments after `ip route replace`, by destination. */
  readonly routes: ReadonlyMap<string, string>;
  /** Arguments after `ip neigh replace`, by address. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Arguments after `bridge fdb replace`, by MAC address. */
  readonly forwarding: ReadonlyMap<string, string>;
}

export const emptyRoutes: RouteTable = { routes: new Map(), neighbours: new Map(), forwarding: new Map() };

/** Marks our routes for people who read `ip route`. */
export const routeProtocol = 118;

/** The routes on node `self` to the pods of all others. Nodes without a range or an address are left out. Pure. */
export function planRoutes(nodes: readonly NodeInput[], self: string, backend: Backend): RouteTable {
  const routes = new Map<string, string>();
  const neighbours = new Map<string, string>();
  const forwarding = new Map<string, string>();
  for (const node of nodes) {
    if (node.metadata?.name === self) continue;
    const podCIDRs = node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []);
    const mac = tunnelMac(podCIDRs[0] ?? "");
    const primary = familyOf(podCIDRs[0] ?? "");
    for (const podCIDR of podCIDRs) {
      const cidr = parseCidr(podCIDR);
      // Wrapped packets of both families take the way of the first.
      const family = backend.kind === "vxlan" ? primary : cidr?.family;
      const underlay = family && underlayAddress(node, family);
      if (!cidr || !underlay) continue;
      const destination = formatCidr(cidr);
      if (backend.kind === "host-gw") {
        routes.set(destination, `${destination} via ${underlay} proto ${routeProtocol}`);
        continue;
      }
      const end = addressAt(cidr, 0);
      routes.set(destination, `${destination} via ${end} dev ${backend.device} onlink proto ${routeProtocol}`);
      neighbours.set(end, `${end} lladdr ${mac} dev ${backend.device} nud permanent`);
      // One tunnel end per node, over the family that its first range has.
      if (!forwarding.has(mac)) forwarding.set(mac, `${mac} dev ${backend.device} dst ${underlay} self permanent`);
    }
  }
  return { routes, neighbours, forwarding };
}

/** The MAC address of a node's tunnel end; it follows from the node's pod range, so nobody has to publish it. */
export function tunnelMac(podCIDR: string): string {
  const cidr = parseCidr(podCIDR);
  return macOf(cidr ? addressAt(cidr, 0) : "0.0.0.0", "0e:76");
}

function underlayAddress(node: NodeInput, family: IpFamily): string | undefined {
  const annotated = node.metadata?.annotations?.[overlayAddressAnnotation];
  if (annotated && familyOf(annotated) === family) return annotated;
  const addresses = node.status?.addresses ?? [];
  return addresses.find(({ type, address }) => type === "InternalIP" && familyOf(address) === family)?.address;
}

/** The scripts for `ip -batch` and `bridge -batch` that lead from one table to another. Pure. */
export function routeScripts(
  before: RouteTable,
  after: RouteTable,
): { readonly ip: string[]; readonly bridge: string[] } {
  const changed = (from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>) => ({
    gone: [...from].filter(([key]) => !to.has(key)),
    put: [...to].filter(([key, text]) => from.get(key) !== text),
  });
  const routes = changed(before.routes, after.routes);
  const neighbours = changed(before.neighbours, after.neighbours);
  const forwarding = changed(before.forwarding, after.forwarding);
  // New ways first to last hop, old ones last hop last: no packet meets a route that leads nowhere yet.
  return {
    ip: [
      ...routes.gone.map(([key]) => `route del ${key} proto ${routeProtocol}`),
      ...neighbours.put.map(([, text]) => `neigh replace ${text}`),
      ...routes.put.map(([, text]) => `route replace ${text}`),
      ...neighbours.gone.map(([key, text]) => `neigh del ${key} dev ${deviceIn(text)}`),
    ],
    bridge: [
      ...forwarding.put.map(([, text]) => `fdb replace ${text}`),
      ...forwarding.gone.map(([mac, text]) => `fdb del ${mac} dev ${deviceIn(text)} self`),
    ],
  };
}

function deviceIn(text: string): string {
  return / dev (\S+)/.exec(text)?.[1] ?? "";
}
