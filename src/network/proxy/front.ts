export type Protocol = "tcp" | "udp" | "sctp";

/** One pod's address and port that connections are sent to. */
export interface Target {
  readonly ip: string;
  readonly port: number;
}

/** Where clients knock: one address and port, or one port on every node-port address of this node. */
export type Door =
  | { readonly kind: "address"; readonly address: string; readonly protocol: Protocol; readonly port: number }
  | { readonly kind: "nodePort"; readonly protocol: Protocol; readonly port: number };

/** How one door of one service port is answered on this node. */
export interface Front {
  readonly door: Door;
  /** `namespace/name:port`, for people. */
  readonly service: string;
  /**
   * Whose source address is replaced by the node's: of everybody who is not a pod, or of everybody (a node-port
   * client that is sent to another node must get its answer through this one).
   */
  readonly masquerade: "outsidePods" | "everybody";
  /** The targets for this door; of pods and this node only, when `localOnly` is given. */
  readonly targets: readonly Target[];
  /** The targets on this node, for outside clients under the Local external policy; empty means drop. */
  readonly localOnly?: readonly Target[];
  /** There are targets, but none that this door's policy allows: drop instead of refuse. */
  readonly drop?: boolean;
  /** Seconds for which a client address returns to the same target. */
  readonly affinitySeconds?: number;
  /** The only client ranges let in; undefined lets everybody in. */
  readonly sourceRanges?: readonly string[];
}

/** A pod's port on the node's own address. */
export interface HostPort {
  readonly protocol: Protocol;
  readonly port: number;
  /** Undefined: on every address of the node. */
  readonly hostIP?: string;
  readonly target: Target;
}

/** What one step changes: fronts and host ports to put (new or different) and keys to remove. */
export interface ProxyChange {
  readonly put: readonly Front[];
  readonly remove: readonly string[];
  readonly putHostPorts: readonly HostPort[];
  readonly removeHostPorts: readonly string[];
}

export const noChange: ProxyChange = { put: [], remove: [], putHostPorts: [], removeHostPorts: [] };

/** Whether a change changes nothing. */
export function isEmpty(change: ProxyChange): boolean {
  return change.put.length + change.remove.length + change.putHostPorts.length + change.removeHostPorts.length === 0;
}

/** The identity of a door, e.g. `10.96.0.1/tcp/443` or `node/tcp/30080`. */
export function doorKey(door: Door): string {
  return `${door.kind === "address" ? door.address : "node"}/${door.protocol}/${door.port}`;
}

/** The identity of a host port, e.g. `tcp/8080` or `192.0.2.1/tcp/8080`. */
export function hostPortKey(port: Pick<HostPort, "protocol" | "port" | "hostIP">): string {
  return `${port.hostIP ? `${port.hostIP}/` : ""}${port.protocol}/${port.port}`;
}

/** `10.244.0.5:8080`, or `[fd00::5]:8080`. */
export function targetKey(target: Target): string {
  return target.ip.includes(":") ? `[${target.ip}]:${target.port}` : `${target.ip}:${target.port}`;
}

/** The API's protocol names (TCP when absent) as the kernel's, or undefined for one that is not known. */
export function protocolOf(name: string | undefined): Protocol | undefined {
  switch (name ?? "TCP") {
    case "TCP":
      return "tcp";
    case "UDP":
      return "udp";
    case "SCTP":
      return "sctp";
    default:
      return undefined;
  }
}

/** Whether two fronts ask the kernel for the same thing. Target order is part of it: `plan` sorts. */
export function sameFront(a: Front, b: Front): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
