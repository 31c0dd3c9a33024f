import type {
  IdMapping,
  LinuxResources,
  NamespaceOptions,
  SecurityProfile,
  SelinuxOptions,
  SupplementalGroupsPolicy,
} from "./resources.ts";

export interface ContainerMetadata {
  readonly name: string;
  /** How many containers of this name the sandbox had before; unique with the name among a sandbox's live containers. */
  readonly attempt: number;
}

export type MountPropagation = "private" | "hostToContainer" | "bidirectional";

export interface ContainerMount {
  readonly containerPath: string;
  /** Empty when `image` is given. */
  readonly hostPath: string;
  readonly readonly?: boolean;
  /** Submounts are read-only too; needs `readonly`, private propagation and a runtime that can (see RuntimeFeatures). */
  readonly recursiveReadonly?: boolean;
  readonly propagation?: MountPropagation;
  readonly selinuxRelabel?: boolean;
  /** Mounts an image's files, read-only (image volumes). */
  readonly image?: { readonly ref: string; readonly subPath?: string };
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

export interface ContainerDevice {
  readonly hostPath: string;
  readonly containerPath: string;
  /** cgroup letters out of `rwm`. */
  readonly permissions: string;
}

export interface ContainerSecurity {
  readonly namespaces: NamespaceOptions;
  readonly addCapabilities?: readonly string[];
  readonly dropCapabilities?: readonly string[];
  readonly privileged?: boolean;
  readonly selinux?: SelinuxOptions;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsUserName?: string;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy;
  readonly noNewPrivileges?: boolean;
  /** Absent: the runtime's usual ones. Empty: none, as `procMount: Unmasked` asks. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
}

export interface ContainerConfig {
  readonly metadata: ContainerMetadata;
  /** An image id or reference that the runtime has already. */
  readonly image: string;
  /** What the pod's author wrote, for the status; defaults to `image`. */
  readonly userImage?: string;
  /** Replaces the image's entry point when not empty. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly mounts?: readonly ContainerMount[];
  readonly devices?: readonly ContainerDevice[];
  /** Fully qualified Container Device Interface names. */
  readonly cdiDevices?: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Relative to the sandbox's log directory. */
  readonly logPath?: string;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly tty?: boolean;
  readonly resources?: LinuxResources;
  readonly security?: ContainerSecurity;
  /** A name such as `SIGUSR1`; absent means the image's or SIGTERM. */
  readonly stopSignal?: string;
}

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface Container {
  readonly id: string;
  readonly sandboxId: string;
  readonly metadata: ContainerMetadata;
  readonly state: ContainerState;
  /** Milliseconds since the epoch, with a fraction. */
  readonly createdAt: number;
  /** The reference that the container was made from. */
  readonly image: string;
  /** The image's id or digest. */
  readonly imageRef: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ContainerStatus extends Omit<Container, "sandboxId"> {
  /** Undefined until started. */
  readonly startedAt?: number;
  /** Undefined until exited. */
  readonly finishedAt?: number;
  /** Meaningful when exited; 128 plus the signal's number when one ended it. */
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, ... ; empty until exited. */
  readonly reason: string;
  readonly message: string;
  readonly mounts: readonly ContainerMount[];
  /** Absolute. */
  readonly logPath: string;
  readonly resources?: LinuxResources;
  /** Who the first process runs as, where the runtime says so. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
  readonly stopSignal?: string;
}

/** Everything that is given must match. */
export interface ContainerFilter {
  readonly id?: string;
  readonly state?: ContainerState;
  readonly sandboxId?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ExecResult {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

/** Which streams an exec or attach session has. With `tty`, standard error comes in standard output. */
export interface StreamOptions {
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}
