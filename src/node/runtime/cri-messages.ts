import type { Container, ContainerConfig, ContainerMount, ContainerState, ContainerStatus } from "./container.ts";
import type * as cri from "./proto/cri-v1.ts";
import type { LinuxResources, NamespaceMode, NamespaceOptions, SecurityProfile } from "./resources.ts";
import type { Sandbox, SandboxConfig, SandboxStatus } from "./sandbox.ts";

/** A sandbox's configuration in the CRI's form. */
export function sandboxConfigMessage(config: SandboxConfig): cri.PodSandboxConfig {
  const { security } = config;
  return {
    metadata: config.metadata,
    hostname: config.hostname,
    logDirectory: config.logDirectory,
    dnsConfig: config.dns,
    portMappings: config.portMappings?.filter(({ hostPort }) => hostPort > 0),
    labels: config.labels,
    annotations: config.annotations,
    linux: {
      cgroupParent: config.cgroupParent,
      sysctls: config.sysctls,
      overhead: config.overhead && resourcesMessage(config.overhead),
      resources: config.resources && resourcesMessage(config.resources),
      securityContext: {
        namespaceOptions: namespacesMessage(security?.namespaces ?? podNamespaces),
        selinuxOptions: security?.selinux,
        runAsUser: wrapped(security?.runAsUser),
        runAsGroup: wrapped(security?.runAsGroup),
        readonlyRootfs: security?.readonlyRootfs,
        supplementalGroups: security?.supplementalGroups,
        supplementalGroupsPolicy: security?.supplementalGroupsPolicy === "strict" ? "Strict" : "Merge",
        privileged: security?.privileged,
        seccomp: profileMessage(security?.seccomp),
        apparmor: profileMessage(security?.apparmor),
        seccompProfilePath: seccompPath(security?.seccomp),
      },
    },
  };
}

const podNamespaces: NamespaceOptions = { network: "pod", pid: "container", ipc: "pod" };

/** A container's configuration in the CRI's form. */
export function containerConfigMessage(config: ContainerConfig): cri.ContainerConfig {
  const { security } = config;
  const bytes = new TextEncoder();
  return {
    metadata: config.metadata,
    image: { image: config.image, userSpecifiedImage: config.userImage ?? config.image },
    command: config.command,
    args: config.args,
    workingDir: config.workingDir,
    envs: config.env?.map(({ name, value }) => ({ key: name, value: bytes.encode(value) })),
    mounts: config.mounts?.map(mountMessage),
    devices: config.devices,
    cdiDevices: config.cdiDevices?.map((name) => ({ name })),
    labels: config.labels,
    annotations: config.annotations,
    logPath: config.logPath,
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
    stopSignal: config.stopSignal as cri.Signal | undefined,
    linux: {
      resources: resourcesMessage(config.resources ?? {}),
      securityContext: {
        capabilities: { addCapabilities: security?.addCapabilities, dropCapabilities: security?.dropCapabilities },
        privileged: security?.privileged,
        namespaceOptions: namespacesMessage(security?.namespaces ?? podNamespaces),
        selinuxOptions: security?.selinux,
        runAsUser: wrapped(security?.runAsUser),
        runAsGroup: wrapped(security?.runAsGroup),
        runAsUsername: security?.runAsUserName,
        readonlyRootfs: security?.readonlyRootfs,
        supplementalGroups: security?.supplementalGroups,
        supplementalGroupsPolicy: security?.supplementalGroupsPolicy === "strict" ? "Strict" : "Merge",
        noNewPrivs: security?.noNewPrivileges,
        maskedPaths: security?.maskedPaths ?? defaultMaskedPaths,
        readonlyPaths: security?.readonlyPaths ?? defaultReadonlyPaths,
        seccomp: profileMessage(security?.seccomp),
        apparmor: profileMessage(security?.apparmor),
        apparmorProfile: apparmorName(security?.apparmor),
        seccompProfilePath: seccompPath(security?.seccomp),
      },
    },
  };
}

/** What a container may not see of /proc and /sys unless it asks for an unmasked /proc; the list is Kubernetes'. */
const defaultMaskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const defaultReadonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** Resources in the CRI's form. */
export function resourcesMessage(resources: LinuxResources): cri.LinuxContainerResources {
  const { memoryLimitBytes, memorySwapLimitBytes, ...same } = resources;
  return { ...same, memoryLimitInBytes: memoryLimitBytes, memorySwapLimitInBytes: memorySwapLimitBytes };
}

/** A sandbox from a list. */
export function sandboxOf(message: cri.PodSandbox): Sandbox {
  return {
    id: message.id ?? "",
    metadata: metadataOf(message.metadata),
    state: message.state === "SANDBOX_READY" ? "ready" : "notReady",
    createdAt: milliseconds(message.createdAt) ?? 0,
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
    handler: message.runtimeHandler ?? "",
  };
}

/** A sandbox's status, with its addresses. */
export function sandboxStatusOf(message: cri.PodSandboxStatus): SandboxStatus {
  const { network } = message;
  const ips = [network?.ip ?? "", ...(network?.additionalIps ?? []).map(({ ip }) => ip ?? "")];
  return {
    ...sandboxOf(message),
    ips: ips.filter((ip) => ip !== ""),
    namespaces: namespacesOf(message.linux?.namespaces?.options),
  };
}

export function metadataOf(message: cri.PodSandboxMetadata | undefined): Sandbox["metadata"] {
  const { name = "", uid = "", namespace = "", attempt = 0 } = message ?? {};
  return { name, uid, namespace, attempt };
}

/** A container from a list. */
export function containerOf(message: cri.Container): Container {
  return {
    id: message.id ?? "",
    sandboxId: message.podSandboxId ?? "",
    metadata: { name: message.metadata?.name ?? "", attempt: message.metadata?.attempt ?? 0 },
    state: containerStates[message.state ?? "CONTAINER_UNKNOWN"],
    createdAt: milliseconds(message.createdAt) ?? 0,
    image: message.image?.image ?? "",
    imageRef: message.imageRef ?? "",
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
  };
}

/** A container's status. */
export function containerStatusOf(message: cri.ContainerStatus): ContainerStatus {
  const state = containerStates[message.state ?? "CONTAINER_UNKNOWN"];
  const linux = message.resources?.linux;
  const user = message.user?.linux;
  return {
    id: message.id ?? "",
    metadata: { name: message.metadata?.name ?? "", attempt: message.metadata?.attempt ?? 0 },
    state,
    createdAt: milliseconds(message.createdAt) ?? 0,
    startedAt: milliseconds(message.startedAt),
    finishedAt: state === "exited" ? milliseconds(message.finishedAt) : undefined,
    exitCode: message.exitCode ?? 0,
    reason: message.reason ?? "",
    message: message.message ?? "",
    image: message.image?.image ?? "",
    imageRef: message.imageRef ?? "",
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
    mounts: (message.mounts ?? []).map(mountOf),
    logPath: message.logPath ?? "",
    resources: linux && resourcesOf(linux),
    user: user && { uid: user.uid ?? 0, gid: user.gid ?? 0, supplementalGroups: user.supplementalGroups ?? [] },
    stopSignal: message.stopSignal === "RUNTIME_DEFAULT" ? undefined : message.stopSignal,
  };
}

const containerStates: Readonly<Record<cri.ContainerState, ContainerState>> = {
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
  CONTAINER_UNKNOWN: "unknown",
};

/** Our state's name on the wire. */
export function containerStateMessage(state: ContainerState): cri.ContainerState {
  return `CONTAINER_${state.toUpperCase()}` as cri.ContainerState;
}

/** Nanoseconds since the epoch to milliseconds with a fraction; undefined for 0, which stands for never. */
export function milliseconds(nanoseconds: number | undefined): number | undefined {
  return nanoseconds ? nanoseconds / 1e6 : undefined;
}

function mountMessage(mount: ContainerMount): cri.Mount {
  const propagations = {
    private: "PROPAGATION_PRIVATE",
    hostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
    bidirectional: "PROPAGATION_BIDIRECTIONAL",
  } as const;
  return {
    containerPath: mount.containerPath,
    hostPath: mount.hostPath,
    readonly: mount.readonly,
    recursiveReadOnly: mount.recursiveReadonly,
    selinuxRelabel: mount.selinuxRelabel,
    propagation: propagations[mount.propagation ?? "private"],
    image: mount.image && { image: mount.image.ref },
    imageSubPath: mount.image?.subPath,
    uidMappings: mount.uidMappings,
    gidMappings: mount.gidMappings,
  };
}

function mountOf(message: cri.Mount): ContainerMount {
  const propagations = {
    PROPAGATION_PRIVATE: "private",
    PROPAGATION_HOST_TO_CONTAINER: "hostToContainer",
    PROPAGATION_BIDIRECTIONAL: "bidirectional",
  } as const;
  return {
    containerPath: message.containerPath ?? "",
    hostPath: message.hostPath ?? "",
    readonly: message.readonly ?? false,
    recursiveReadonly: message.recursiveReadOnly ?? false,
    propagation: propagations[message.propagation ?? "PROPAGATION_PRIVATE"],
    ...(message.image?.image && { image: { ref: message.image.image, subPath: message.imageSubPath } }),
  };
}

/** On the wire 0 and the empty string mean absent. */
function resourcesOf(message: cri.LinuxContainerResources): LinuxResources {
  const given = <T>(value: T | undefined): T | undefined => value || undefined;
  return {
    cpuPeriod: given(message.cpuPeriod),
    cpuQuota: given(message.cpuQuota),
    cpuShares: given(message.cpuShares),
    memoryLimitBytes: given(message.memoryLimitInBytes),
    memorySwapLimitBytes: given(message.memorySwapLimitInBytes),
    oomScoreAdj: message.oomScoreAdj,
    cpusetCpus: given(message.cpusetCpus),
    cpusetMems: given(message.cpusetMems),
  };
}

function namespacesMessage(options: NamespaceOptions): cri.NamespaceOption {
  return {
    network: namespaceModes[options.network],
    pid: namespaceModes[options.pid],
    ipc: namespaceModes[options.ipc],
    targetId: options.targetId,
    usernsOptions: options.userNamespace && { mode: "POD", ...options.userNamespace },
  };
}

const namespaceModes: Readonly<Record<NamespaceMode, cri.NamespaceMode>> = {
  pod: "POD",
  container: "CONTAINER",
  node: "NODE",
  target: "TARGET",
};

function namespacesOf(message: cri.NamespaceOption | undefined): NamespaceOptions | undefined {
  if (!message) return undefined;
  const mode = (value: cri.NamespaceMode = "POD") => value.toLowerCase() as NamespaceMode;
  return {
    network: mode(message.network),
    pid: mode(message.pid),
    ipc: mode(message.ipc),
    ...(message.targetId && { targetId: message.targetId }),
  };
}

function wrapped(value: number | undefined): cri.Int64Value | undefined {
  return value === undefined ? undefined : { value };
}

function profileMessage(profile: SecurityProfile | undefined): cri.SecurityProfile | undefined {
  if (!profile) return undefined;
  if (profile.type === "localhost") return { profileType: "Localhost", localhostRef: profile.ref };
  return { profileType: profile.type === "unconfined" ? "Unconfined" : "RuntimeDefault" };
}

/** The string forms are older than the messages; runtimes of that age still read only them. */
function seccompPath(profile: SecurityProfile | undefined): string | undefined {
  if (!profile) return undefined;
  if (profile.type === "localhost") return `localhost/${profile.ref}`;
  return profile.type === "unconfined" ? "unconfined" : "runtime/default";
}

function apparmorName(profile: SecurityProfile | undefined): string | undefined {
  return seccompPath(profile);
}
