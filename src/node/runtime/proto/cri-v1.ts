// Made by generate.ts from the CRI v1 descriptor; do not edit.
// Fields are optional when sending; when receiving, scalars, lists and maps are always there (see criWire.ts).

export interface RuntimeService {
  readonly Version: { readonly request: VersionRequest; readonly response: VersionResponse; readonly stream: false };
  readonly RunPodSandbox: {
    readonly request: RunPodSandboxRequest;
    readonly response: RunPodSandboxResponse;
    readonly stream: false;
  };
  readonly StopPodSandbox: {
    readonly request: StopPodSandboxRequest;
    readonly response: StopPodSandboxResponse;
    readonly stream: false;
  };
  readonly RemovePodSandbox: {
    readonly request: RemovePodSandboxRequest;
    readonly response: RemovePodSandboxResponse;
    readonly stream: false;
  };
  readonly PodSandboxStatus: {
    readonly request: PodSandboxStatusRequest;
    readonly response: PodSandboxStatusResponse;
    readonly stream: false;
  };
  readonly ListPodSandbox: {
    readonly request: ListPodSandboxRequest;
    readonly response: ListPodSandboxResponse;
    readonly stream: false;
  };
  readonly CreateContainer: {
    readonly request: CreateContainerRequest;
    readonly response: CreateContainerResponse;
    readonly stream: false;
  };
  readonly StartContainer: {
    readonly request: StartContainerRequest;
    readonly response: StartContainerResponse;
    readonly stream: false;
  };
  readonly StopContainer: {
    readonly request: StopContainerRequest;
    readonly response: StopContainerResponse;
    readonly stream: false;
  };
  readonly RemoveContainer: {
    readonly request: RemoveContainerRequest;
    readonly response: RemoveContainerResponse;
    readonly stream: false;
  };
  readonly ListContainers: {
    readonly request: ListContainersRequest;
    readonly response: ListContainersResponse;
    readonly stream: false;
  };
  readonly ContainerStatus: {
    readonly request: ContainerStatusRequest;
    readonly response: ContainerStatusResponse;
    readonly stream: false;
  };
  readonly UpdateContainerResources: {
    readonly request: UpdateContainerResourcesRequest;
    readonly response: UpdateContainerResourcesResponse;
    readonly stream: false;
  };
  readonly ReopenContainerLog: {
    readonly request: ReopenContainerLogRequest;
    readonly response: ReopenContainerLogResponse;
    readonly stream: false;
  };
  readonly ExecSync: { readonly request: ExecSyncRequest; readonly response: ExecSyncResponse; readonly stream: false };
  readonly Exec: { readonly request: ExecRequest; readonly response: ExecResponse; readonly stream: false };
  readonly Attach: { readonly request: AttachRequest; readonly response: AttachResponse; readonly stream: false };
  readonly PortForward: {
    readonly request: PortForwardRequest;
    readonly response: PortForwardResponse;
    readonly stream: false;
  };
  readonly ContainerStats: {
    readonly request: ContainerStatsRequest;
    readonly response: ContainerStatsResponse;
    readonly stream: false;
  };
  readonly ListContainerStats: {
    readonly request: ListContainerStatsRequest;
    readonly response: ListContainerStatsResponse;
    readonly stream: false;
  };
  readonly PodSandboxStats: {
    readonly request: PodSandboxStatsRequest;
    readonly response: PodSandboxStatsResponse;
    readonly stream: false;
  };
  readonly ListPodSandboxStats: {
    readonly request: ListPodSandboxStatsRequest;
    readonly response: ListPodSandboxStatsResponse;
    readonly stream: false;
  };
  readonly Status: { readonly request: StatusRequest; readonly response: StatusResponse; readonly stream: false };
  readonly GetContainerEvents: {
    readonly request: GetEventsRequest;
    readonly response: ContainerEventResponse;
    readonly stream: true;
  };
  readonly RuntimeConfig: {
    readonly request: RuntimeConfigRequest;
    readonly response: RuntimeConfigResponse;
    readonly stream: false;
  };
  readonly UpdatePodSandboxResources: {
    readonly request: UpdatePodSandboxResourcesRequest;
    readonly response: UpdatePodSandboxResourcesResponse;
    readonly stream: false;
  };
}

export interface ImageService {
  readonly ListImages: {
    readonly request: ListImagesRequest;
    readonly response: ListImagesResponse;
    readonly stream: false;
  };
  readonly ImageStatus: {
    readonly request: ImageStatusRequest;
    readonly response: ImageStatusResponse;
    readonly stream: false;
  };
  readonly PullImage: {
    readonly request: PullImageRequest;
    readonly response: PullImageResponse;
    readonly stream: false;
  };
  readonly RemoveImage: {
    readonly request: RemoveImageRequest;
    readonly response: RemoveImageResponse;
    readonly stream: false;
  };
  readonly ImageFsInfo: {
    readonly request: ImageFsInfoRequest;
    readonly response: ImageFsInfoResponse;
    readonly stream: false;
  };
}

export interface AttachRequest {
  readonly containerId?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

export interface AttachResponse {
  readonly url?: string;
}

export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface CDIDevice {
  readonly name?: string;
}

export interface Capability {
  readonly addCapabilities?: readonly string[];
  readonly dropCapabilities?: readonly string[];
  readonly addAmbientCapabilities?: readonly string[];
}

export type CgroupDriver = "SYSTEMD" | "CGROUPFS";

export interface Container {
  readonly id?: string;
  readonly podSandboxId?: string;
  readonly metadata?: ContainerMetadata;
  readonly image?: ImageSpec;
  readonly imageRef?: string;
  readonly state?: ContainerState;
  readonly createdAt?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly imageId?: string;
}

export interface ContainerAttributes {
  readonly id?: string;
  readonly metadata?: ContainerMetadata;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ContainerConfig {
  readonly metadata?: ContainerMetadata;
  readonly image?: ImageSpec;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly envs?: readonly KeyValue[];
  readonly mounts?: readonly Mount[];
  readonly devices?: readonly Device[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly logPath?: string;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly tty?: boolean;
  readonly linux?: LinuxContainerConfig;
  readonly cdiDevices?: readonly CDIDevice[];
  readonly stopSignal?: Signal;
}

export interface ContainerEventResponse {
  readonly containerId?: string;
  readonly containerEventType?: ContainerEventType;
  readonly createdAt?: number;
  readonly podSandboxStatus?: PodSandboxStatus;
  readonly containersStatuses?: readonly ContainerStatus[];
}

export type ContainerEventType =
  | "CONTAINER_CREATED_EVENT"
  | "CONTAINER_STARTED_EVENT"
  | "CONTAINER_STOPPED_EVENT"
  | "CONTAINER_DELETED_EVENT";

export interface ContainerFilter {
  readonly id?: string;
  readonly state?: ContainerStateValue;
  readonly podSandboxId?: string;
  readonly labelSelector?: Readonly<Record<string, string>>;
}

export interface ContainerMetadata {
  readonly name?: string;
  readonly attempt?: number;
}

export interface ContainerResources {
  readonly linux?: LinuxContainerResources;
}

export type ContainerState = "CONTAINER_CREATED" | "CONTAINER_RUNNING" | "CONTAINER_EXITED" | "CONTAINER_UNKNOWN";

export interface ContainerStateValue {
  readonly state?: ContainerState;
}

export interface ContainerStats {
  readonly attributes?: ContainerAttributes;
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly writableLayer?: FilesystemUsage;
  readonly swap?: SwapUsage;
  readonly io?: IoUsage;
}

export interface ContainerStatsFilter {
  readonly id?: string;
  readonly podSandboxId?: string;
  readonly labelSelector?: Readonly<Record<string, string>>;
}

export interface ContainerStatsRequest {
  readonly containerId?: string;
}

export interface ContainerStatsResponse {
  readonly stats?: ContainerStats;
}

export interface ContainerStatus {
  readonly id?: string;
  readonly metadata?: ContainerMetadata;
  readonly state?: ContainerState;
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exitCode?: number;
  readonly image?: ImageSpec;
  readonly imageRef?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  readonly logPath?: string;
  readonly resources?: ContainerResources;
  readonly imageId?: string;
  readonly user?: ContainerUser;
  readonly stopSignal?: Signal;
}

export interface ContainerStatusRequest {
  readonly containerId?: string;
  readonly verbose?: boolean;
}

export interface ContainerStatusResponse {
  readonly status?: ContainerStatus;
  readonly info?: Readonly<Record<string, string>>;
}

export interface ContainerUser {
  readonly linux?: LinuxContainerUser;
}

export interface CpuUsage {
  readonly timestamp?: number;
  readonly usageCoreNanoSeconds?: UInt64Value;
  readonly usageNanoCores?: UInt64Value;
  readonly psi?: PsiStats;
}

export interface CreateContainerRequest {
  readonly podSandboxId?: string;
  readonly config?: ContainerConfig;
  readonly sandboxConfig?: PodSandboxConfig;
}

export interface CreateContainerResponse {
  readonly containerId?: string;
}

export interface DNSConfig {
  readonly servers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly string[];
}

export interface Device {
  readonly containerPath?: string;
  readonly hostPath?: string;
  readonly permissions?: string;
}

export interface ExecRequest {
  readonly containerId?: string;
  readonly cmd?: readonly string[];
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

export interface ExecResponse {
  readonly url?: string;
}

export interface ExecSyncRequest {
  readonly containerId?: string;
  readonly cmd?: readonly string[];
  readonly timeout?: number;
}

export interface ExecSyncResponse {
  readonly stdout?: Uint8Array;
  readonly stderr?: Uint8Array;
  readonly exitCode?: number;
}

export interface FilesystemIdentifier {
  readonly mountpoint?: string;
}

export interface FilesystemUsage {
  readonly timestamp?: number;
  readonly fsId?: FilesystemIdentifier;
  readonly usedBytes?: UInt64Value;
  readonly inodesUsed?: UInt64Value;
}

export type GetEventsRequest = Readonly<Record<string, never>>;

export interface HugepageLimit {
  readonly pageSize?: string;
  readonly limit?: number;
}

export interface IDMapping {
  readonly hostId?: number;
  readonly containerId?: number;
  readonly length?: number;
}

export interface Image {
  readonly id?: string;
  readonly repoTags?: readonly string[];
  readonly repoDigests?: readonly string[];
  readonly size?: number;
  readonly uid?: Int64Value;
  readonly username?: string;
  readonly spec?: ImageSpec;
  readonly pinned?: boolean;
}

export interface ImageFilter {
  readonly image?: ImageSpec;
}

export type ImageFsInfoRequest = Readonly<Record<string, never>>;

export interface ImageFsInfoResponse {
  readonly imageFilesystems?: readonly FilesystemUsage[];
  readonly containerFilesystems?: readonly FilesystemUsage[];
}

export interface ImageSpec {
  readonly image?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly userSpecifiedImage?: string;
  readonly runtimeHandler?: string;
  readonly imageRef?: string;
}

export interface ImageStatusRequest {
  readonly image?: ImageSpec;
  readonly verbose?: boolean;
}

export interface ImageStatusResponse {
  readonly image?: Image;
  readonly info?: Readonly<Record<string, string>>;
}

export interface Int64Value {
  readonly value?: number;
}

export interface IoUsage {
  readonly timestamp?: number;
  readonly psi?: PsiStats;
}

export interface KeyValue {
  readonly key?: string;
  readonly value?: Uint8Array;
}

export interface LinuxContainerConfig {
  readonly resources?: LinuxContainerResources;
  readonly securityContext?: LinuxContainerSecurityContext;
}

export interface LinuxContainerResources {
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitInBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly hugepageLimits?: readonly HugepageLimit[];
  readonly unified?: Readonly<Record<string, string>>;
  readonly memorySwapLimitInBytes?: number;
}

export interface LinuxContainerSecurityContext {
  readonly capabilities?: Capability;
  readonly privileged?: boolean;
  readonly namespaceOptions?: NamespaceOption;
  readonly selinuxOptions?: SELinuxOption;
  readonly runAsUser?: Int64Value;
  readonly runAsGroup?: Int64Value;
  readonly runAsUsername?: string;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy;
  readonly noNewPrivs?: boolean;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
  readonly apparmorProfile?: string;
  readonly seccompProfilePath?: string;
}

export interface LinuxContainerUser {
  readonly uid?: number;
  readonly gid?: number;
  readonly supplementalGroups?: readonly number[];
}

export interface LinuxPodSandboxConfig {
  readonly cgroupParent?: string;
  readonly securityContext?: LinuxSandboxSecurityContext;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly overhead?: LinuxContainerResources;
  readonly resources?: LinuxContainerResources;
}

export interface LinuxPodSandboxStats {
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly network?: NetworkUsage;
  readonly process?: ProcessUsage;
  readonly containers?: readonly ContainerStats[];
  readonly io?: IoUsage;
}

export interface LinuxPodSandboxStatus {
  readonly namespaces?: Namespace;
}

export interface LinuxRuntimeConfiguration {
  readonly cgroupDriver?: CgroupDriver;
}

export interface LinuxSandboxSecurityContext {
  readonly namespaceOptions?: NamespaceOption;
  readonly selinuxOptions?: SELinuxOption;
  readonly runAsUser?: Int64Value;
  readonly runAsGroup?: Int64Value;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy;
  readonly privileged?: boolean;
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
  readonly seccompProfilePath?: string;
}

export interface ListContainerStatsRequest {
  readonly filter?: ContainerStatsFilter;
}

export interface ListContainerStatsResponse {
  readonly stats?: readonly ContainerStats[];
}

export interface ListContainersRequest {
  readonly filter?: ContainerFilter;
}

export interface ListContainersResponse {
  readonly containers?: readonly Container[];
}

export interface ListImagesRequest {
  readonly filter?: ImageFilter;
}

export interface ListImagesResponse {
  readonly images?: readonly Image[];
}

export interface ListPodSandboxRequest {
  readonly filter?: PodSandboxFilter;
}

export interface ListPodSandboxResponse {
  readonly items?: readonly PodSandbox[];
}

export interface ListPodSandboxStatsRequest {
  readonly filter?: PodSandboxStatsFilter;
}

export interface ListPodSandboxStatsResponse {
  readonly stats?: readonly PodSandboxStats[];
}

export interface MemoryUsage {
  readonly timestamp?: number;
  readonly workingSetBytes?: UInt64Value;
  readonly availableBytes?: UInt64Value;
  readonly usageBytes?: UInt64Value;
  readonly rssBytes?: UInt64Value;
  readonly pageFaults?: UInt64Value;
  readonly majorPageFaults?: UInt64Value;
  readonly psi?: PsiStats;
}

export interface Mount {
  readonly containerPath?: string;
  readonly hostPath?: string;
  readonly readonly?: boolean;
  readonly selinuxRelabel?: boolean;
  readonly propagation?: MountPropagation;
  readonly uidMappings?: readonly IDMapping[];
  readonly gidMappings?: readonly IDMapping[];
  readonly recursiveReadOnly?: boolean;
  readonly image?: ImageSpec;
  readonly imageSubPath?: string;
}

export type MountPropagation = "PROPAGATION_PRIVATE" | "PROPAGATION_HOST_TO_CONTAINER" | "PROPAGATION_BIDIRECTIONAL";

export interface Namespace {
  readonly options?: NamespaceOption;
}

export type NamespaceMode = "POD" | "CONTAINER" | "NODE" | "TARGET";

export interface NamespaceOption {
  readonly network?: NamespaceMode;
  readonly pid?: NamespaceMode;
  readonly ipc?: NamespaceMode;
  readonly targetId?: string;
  readonly usernsOptions?: UserNamespace;
}

export interface NetworkInterfaceUsage {
  readonly name?: string;
  readonly rxBytes?: UInt64Value;
  readonly rxErrors?: UInt64Value;
  readonly txBytes?: UInt64Value;
  readonly txErrors?: UInt64Value;
}

export interface NetworkUsage {
  readonly timestamp?: number;
  readonly defaultInterface?: NetworkInterfaceUsage;
  readonly interfaces?: readonly NetworkInterfaceUsage[];
}

export interface PodIP {
  readonly ip?: string;
}

export interface PodSandbox {
  readonly id?: string;
  readonly metadata?: PodSandboxMetadata;
  readonly state?: PodSandboxState;
  readonly createdAt?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runtimeHandler?: string;
}

export interface PodSandboxAttributes {
  readonly id?: string;
  readonly metadata?: PodSandboxMetadata;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PodSandboxConfig {
  readonly metadata?: PodSandboxMetadata;
  readonly hostname?: string;
  readonly logDirectory?: string;
  readonly dnsConfig?: DNSConfig;
  readonly portMappings?: readonly PortMapping[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: LinuxPodSandboxConfig;
}

export interface PodSandboxFilter {
  readonly id?: string;
  readonly state?: PodSandboxStateValue;
  readonly labelSelector?: Readonly<Record<string, string>>;
}

export interface PodSandboxMetadata {
  readonly name?: string;
  readonly uid?: string;
  readonly namespace?: string;
  readonly attempt?: number;
}

export interface PodSandboxNetworkStatus {
  readonly ip?: string;
  readonly additionalIps?: readonly PodIP[];
}

export type PodSandboxState = "SANDBOX_READY" | "SANDBOX_NOTREADY";

export interface PodSandboxStateValue {
  readonly state?: PodSandboxState;
}

export interface PodSandboxStats {
  readonly attributes?: PodSandboxAttributes;
  readonly linux?: LinuxPodSandboxStats;
}

export interface PodSandboxStatsFilter {
  readonly id?: string;
  readonly labelSelector?: Readonly<Record<string, string>>;
}

export interface PodSandboxStatsRequest {
  readonly podSandboxId?: string;
}

export interface PodSandboxStatsResponse {
  readonly stats?: PodSandboxStats;
}

export interface PodSandboxStatus {
  readonly id?: string;
  readonly metadata?: PodSandboxMetadata;
  readonly state?: PodSandboxState;
  readonly createdAt?: number;
  readonly network?: PodSandboxNetworkStatus;
  readonly linux?: LinuxPodSandboxStatus;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runtimeHandler?: string;
}

export interface PodSandboxStatusRequest {
  readonly podSandboxId?: string;
  readonly verbose?: boolean;
}

export interface PodSandboxStatusResponse {
  readonly status?: PodSandboxStatus;
  readonly info?: Readonly<Record<string, string>>;
  readonly containersStatuses?: readonly ContainerStatus[];
  readonly timestamp?: number;
}

export interface PortForwardRequest {
  readonly podSandboxId?: string;
  readonly port?: readonly number[];
}

export interface PortForwardResponse {
  readonly url?: string;
}

export interface PortMapping {
  readonly protocol?: Protocol;
  readonly containerPort?: number;
  readonly hostPort?: number;
  readonly hostIp?: string;
}

export interface ProcessUsage {
  readonly timestamp?: number;
  readonly processCount?: UInt64Value;
}

export type Protocol = "TCP" | "UDP" | "SCTP";

export interface PsiData {
  readonly total?: number;
  readonly avg10?: number;
  readonly avg60?: number;
  readonly avg300?: number;
}

export interface PsiStats {
  readonly full?: PsiData;
  readonly some?: PsiData;
}

export interface PullImageRequest {
  readonly image?: ImageSpec;
  readonly auth?: AuthConfig;
  readonly sandboxConfig?: PodSandboxConfig;
}

export interface PullImageResponse {
  readonly imageRef?: string;
}

export interface RemoveContainerRequest {
  readonly containerId?: string;
}

export type RemoveContainerResponse = Readonly<Record<string, never>>;

export interface RemoveImageRequest {
  readonly image?: ImageSpec;
}

export type RemoveImageResponse = Readonly<Record<string, never>>;

export interface RemovePodSandboxRequest {
  readonly podSandboxId?: string;
}

export type RemovePodSandboxResponse = Readonly<Record<string, never>>;

export interface ReopenContainerLogRequest {
  readonly containerId?: string;
}

export type ReopenContainerLogResponse = Readonly<Record<string, never>>;

export interface RunPodSandboxRequest {
  readonly config?: PodSandboxConfig;
  readonly runtimeHandler?: string;
}

export interface RunPodSandboxResponse {
  readonly podSandboxId?: string;
}

export interface RuntimeCondition {
  readonly type?: string;
  readonly status?: boolean;
  readonly reason?: string;
  readonly message?: string;
}

export type RuntimeConfigRequest = Readonly<Record<string, never>>;

export interface RuntimeConfigResponse {
  readonly linux?: LinuxRuntimeConfiguration;
}

export interface RuntimeFeatures {
  readonly supplementalGroupsPolicy?: boolean;
  readonly userNamespacesHostNetwork?: boolean;
}

export interface RuntimeHandler {
  readonly name?: string;
  readonly features?: RuntimeHandlerFeatures;
}

export interface RuntimeHandlerFeatures {
  readonly recursiveReadOnlyMounts?: boolean;
  readonly userNamespaces?: boolean;
}

export interface RuntimeStatus {
  readonly conditions?: readonly RuntimeCondition[];
}

export interface SELinuxOption {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}

export type ProfileType = "RuntimeDefault" | "Unconfined" | "Localhost";

export interface SecurityProfile {
  readonly profileType?: ProfileType;
  readonly localhostRef?: string;
}

export type Signal =
  | "RUNTIME_DEFAULT"
  | "SIGABRT"
  | "SIGALRM"
  | "SIGBUS"
  | "SIGCHLD"
  | "SIGCLD"
  | "SIGCONT"
  | "SIGFPE"
  | "SIGHUP"
  | "SIGILL"
  | "SIGINT"
  | "SIGIO"
  | "SIGIOT"
  | "SIGKILL"
  | "SIGPIPE"
  | "SIGPOLL"
  | "SIGPROF"
  | "SIGPWR"
  | "SIGQUIT"
  | "SIGSEGV"
  | "SIGSTKFLT"
  | "SIGSTOP"
  | "SIGSYS"
  | "SIGTERM"
  | "SIGTRAP"
  | "SIGTSTP"
  | "SIGTTIN"
  | "SIGTTOU"
  | "SIGURG"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGVTALRM"
  | "SIGWINCH"
  | "SIGXCPU"
  | "SIGXFSZ"
  | "SIGRTMIN"
  | "SIGRTMINPLUS1"
  | "SIGRTMINPLUS2"
  | "SIGRTMINPLUS3"
  | "SIGRTMINPLUS4"
  | "SIGRTMINPLUS5"
  | "SIGRTMINPLUS6"
  | "SIGRTMINPLUS7"
  | "SIGRTMINPLUS8"
  | "SIGRTMINPLUS9"
  | "SIGRTMINPLUS10"
  | "SIGRTMINPLUS11"
  | "SIGRTMINPLUS12"
  | "SIGRTMINPLUS13"
  | "SIGRTMINPLUS14"
  | "SIGRTMINPLUS15"
  | "SIGRTMAXMINUS14"
  | "SIGRTMAXMINUS13"
  | "SIGRTMAXMINUS12"
  | "SIGRTMAXMINUS11"
  | "SIGRTMAXMINUS10"
  | "SIGRTMAXMINUS9"
  | "SIGRTMAXMINUS8"
  | "SIGRTMAXMINUS7"
  | "SIGRTMAXMINUS6"
  | "SIGRTMAXMINUS5"
  | "SIGRTMAXMINUS4"
  | "SIGRTMAXMINUS3"
  | "SIGRTMAXMINUS2"
  | "SIGRTMAXMINUS1"
  | "SIGRTMAX";

export interface StartContainerRequest {
  readonly containerId?: string;
}

export type StartContainerResponse = Readonly<Record<string, never>>;

export interface StatusRequest {
  readonly verbose?: boolean;
}

export interface StatusResponse {
  readonly status?: RuntimeStatus;
  readonly info?: Readonly<Record<string, string>>;
  readonly runtimeHandlers?: readonly RuntimeHandler[];
  readonly features?: RuntimeFeatures;
}

export interface StopContainerRequest {
  readonly containerId?: string;
  readonly timeout?: number;
}

export type StopContainerResponse = Readonly<Record<string, never>>;

export interface StopPodSandboxRequest {
  readonly podSandboxId?: string;
}

export type StopPodSandboxResponse = Readonly<Record<string, never>>;

export type SupplementalGroupsPolicy = "Merge" | "Strict";

export interface SwapUsage {
  readonly timestamp?: number;
  readonly swapAvailableBytes?: UInt64Value;
  readonly swapUsageBytes?: UInt64Value;
}

export interface UInt64Value {
  readonly value?: number;
}

export interface UpdateContainerResourcesRequest {
  readonly containerId?: string;
  readonly linux?: LinuxContainerResources;
  readonly annotations?: Readonly<Record<string, string>>;
}

export type UpdateContainerResourcesResponse = Readonly<Record<string, never>>;

export interface UpdatePodSandboxResourcesRequest {
  readonly podSandboxId?: string;
  readonly overhead?: LinuxContainerResources;
  readonly resources?: LinuxContainerResources;
}

export type UpdatePodSandboxResourcesResponse = Readonly<Record<string, never>>;

export interface UserNamespace {
  readonly mode?: NamespaceMode;
  readonly uids?: readonly IDMapping[];
  readonly gids?: readonly IDMapping[];
}

export interface VersionRequest {
  readonly version?: string;
}

export interface VersionResponse {
  readonly version?: string;
  readonly runtimeName?: string;
  readonly runtimeVersion?: string;
  readonly runtimeApiVersion?: string;
}
