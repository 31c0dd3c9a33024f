/** Limits and weights of a container or pod in the kernel's own units. Absent means: leave it as it is. */
export interface LinuxResources {
  /** Microseconds. */
  readonly cpuPeriod?: number;
  /** Microseconds of CPU per period; -1 means no limit. */
  readonly cpuQuota?: number;
  /** cgroup v1 shares (2 to 262144); a runtime on v2 converts them to a weight. */
  readonly cpuShares?: number;
  readonly memoryLimitBytes?: number;
  readonly memorySwapLimitBytes?: number;
  /** -1000 to 1000. */
  readonly oomScoreAdj?: number;
  /** A list such as `0-2,7`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  /** cgroup v2 files by name, such as `memory.high`. Ignored on cgroup v1. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** Whose namespace is used: the pod's shared one, the container's own, the node's, or another container's. */
export type NamespaceMode = "pod" | "container" | "node" | "target";

export interface IdMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

export interface NamespaceOptions {
  /** `pod` or `node`. */
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  /** `pod` or `node`. */
  readonly ipc: NamespaceMode;
  /** The container whose PID namespace is entered when `pid` is `target`. */
  readonly targetId?: string;
  /** A user namespace of the pod's own. Absent means the node's. */
  readonly userNamespace?: { readonly uids: readonly IdMapping[]; readonly gids: readonly IdMapping[] };
}

/** A seccomp or AppArmor profile; `localhost` names a file or loaded profile by `ref`. */
export type SecurityProfile =
  | { readonly type: "runtimeDefault" }
  | { readonly type: "unconfined" }
  | { readonly type: "localhost"; readonly ref: string };

export interface SelinuxOptions {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}

/** `merge` adds the groups that the image's /etc/group gives the user, `strict` does not. */
export type SupplementalGroupsPolicy = "merge" | "strict";
