import type {
  LinuxResources,
  NamespaceOptions,
  SecurityProfile,
  SelinuxOptions,
  SupplementalGroupsPolicy,
} from "./resources.ts";

export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  /** How many sandboxes this pod had before. The four together are unique among live sandboxes. */
  readonly attempt: number;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface PortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly containerPort: number;
  /** 0 means that nothing is mapped. */
  readonly hostPort: number;
  readonly hostIp?: string;
}

export interface SandboxSecurity {
  readonly namespaces: NamespaceOptions;
  readonly selinux?: SelinuxOptions;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy;
  readonly privileged?: boolean;
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
}

/** What a sandbox is made from; the same value goes along with each of its containers. */
export interface SandboxConfig {
  readonly metadata: SandboxMetadata;
  /** Absent for pods in the node's network namespace. */
  readonly hostname?: string;
  /** Container log paths are relative to it. */
  readonly logDirectory?: string;
  readonly dns?: DnsConfig;
  readonly portMappings?: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Path below each cgroup hierarchy's root, as the cgroupfs driver has it: `/kubepods/burstable/pod<uid>`. */
  readonly cgroupParent?: string;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly security?: SandboxSecurity;
  readonly overhead?: LinuxResources;
  readonly resources?: LinuxResources;
}

/** A sandbox that is `notReady` has lost its network or its holding process and is good only for removal. */
export type SandboxState = "ready" | "notReady";

export interface Sandbox {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly state: SandboxState;
  /** Milliseconds since the epoch, with a fraction. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The runtime handler (RuntimeClass) it runs under; empty for the default. */
  readonly handler: string;
}

export interface SandboxStatus extends Sandbox {
  /** The primary address first; empty for pods in the node's network namespace. */
  readonly ips: readonly string[];
  readonly namespaces?: NamespaceOptions;
}

/** Everything that is given must match. */
export interface SandboxFilter {
  readonly id?: string;
  readonly state?: SandboxState;
  readonly labels?: Readonly<Record<string, string>>;
}
