import { errorMessage, Fault } from "../lib/fault.ts";
import { parseYaml } from "../machinery/codec-yaml.ts";
import { formatDuration, parseDuration } from "../machinery/times.ts";

type Flags = Readonly<Record<string, string>>;

/** How a value is written in the file and as a flag. */
interface Form {
  /** Undefined for a value of another type. */
  toFlag(value: unknown): string | undefined;
  toField(flag: string): unknown;
}

const plain = (type: "string" | "number" | "boolean", toField: (flag: string) => unknown): Form => ({
  toFlag: (value) => (typeof value === type ? String(value) : undefined),
  toField,
});
const text = plain("string", (flag) => flag);
const whole = plain("number", Number);
const truth = plain("boolean", (flag) => flag === "true");
const duration: Form = { ...text, toField: (flag) => formatDuration(parseDuration(flag)) };
/** `memory.available<100Mi,...` */
const amounts = (sign: "<" | "="): Form => ({
  toFlag: (value) => {
    const entries = isObject(value) ? Object.entries(value) : undefined;
    if (!entries?.every(([, amount]) => typeof amount === "string")) return undefined;
    return entries.map(([name, amount]) => `${name}${sign}${amount}`).join(",");
  },
  toField: (flag) =>
    Object.fromEntries(
      flag
        .split(",")
        .filter((pair) => pair !== "")
        .map((pair) => pair.split(sign)),
    ),
});
const list: Form = {
  toFlag: (value) =>
    Array.isArray(value) && value.every((each) => typeof each === "string") ? value.join(",") : undefined,
  toField: (flag) => flag.split(",").filter((each) => each !== ""),
};
/** Names with lists of values; the flag is `name:value,name:value`. */
const headers: Form = {
  toFlag: (value) => {
    if (!isObject(value)) return undefined;
    return Object.entries(value)
      .flatMap(([name, each]) => [each].flat().map((one) => `${name}:${String(one)}`))
      .join(",");
  },
  toField: (flag) => {
    const pairs = flag.split(",").map((pair) => [pair.slice(0, pair.indexOf(":")), pair.slice(pair.indexOf(":") + 1)]);
    const byName = Map.groupBy(pairs, ([name]) => name!);
    // Headers may be secrets.
    return Object.fromEntries([...byName].map(([name, values]) => [name, values.map(() => "<masked>")]));
  },
};

/** The file's fields that mean something here, the flag that says the same, and what upstream has without. */
const fields: Readonly<Record<string, { readonly flag: string; readonly form: Form; readonly usual?: string }>> = {
  staticPodPath: { flag: "pod-manifest-path", form: text },
  fileCheckFrequency: { flag: "file-check-frequency", form: duration, usual: "20s" },
  staticPodURL: { flag: "manifest-url", form: text },
  staticPodURLHeader: { flag: "manifest-url-header", form: headers },
  httpCheckFrequency: { flag: "http-check-frequency", form: duration, usual: "20s" },
  nodeStatusUpdateFrequency: { flag: "node-status-update-frequency", form: duration, usual: "10s" },
  imageMinimumGCAge: { flag: "minimum-image-ttl-duration", form: duration, usual: "2m" },
  imageMaximumGCAge: { flag: "image-maximum-gc-age", form: duration, usual: "0s" },
  imageGCHighThresholdPercent: { flag: "image-gc-high-threshold", form: whole, usual: "85" },
  imageGCLowThresholdPercent: { flag: "image-gc-low-threshold", form: whole, usual: "80" },
  maxPods: { flag: "max-pods", form: whole, usual: "110" },
  podPidsLimit: { flag: "pod-max-pids", form: whole, usual: "-1" },
  serializeImagePulls: { flag: "serialize-image-pulls", form: truth, usual: "false" },
  maxParallelImagePulls: { flag: "max-parallel-image-pulls", form: whole, usual: "5" },
  imagePullCredentialsVerificationPolicy: {
    flag: "image-pull-credentials-verification-policy",
    form: text,
    usual: "NeverVerifyPreloadedImages",
  },
  preloadedImagesVerificationAllowlist: { flag: "preloaded-images-verification-allowlist", form: list },
  allowedUnsafeSysctls: { flag: "allowed-unsafe-sysctls", form: list },
  evictionHard: {
    flag: "eviction-hard",
    form: amounts("<"),
    usual:
      "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%",
  },
  evictionSoft: { flag: "eviction-soft", form: amounts("<") },
  evictionSoftGracePeriod: { flag: "eviction-soft-grace-period", form: amounts("=") },
  evictionPressureTransitionPeriod: { flag: "eviction-pressure-transition-period", form: duration, usual: "5m" },
  evictionMaxPodGracePeriod: { flag: "eviction-max-pod-grace-period", form: whole, usual: "0" },
  evictionMinimumReclaim: { flag: "eviction-minimum-reclaim", form: amounts("=") },
  containerLogMaxSize: { flag: "container-log-max-size", form: text, usual: "10Mi" },
  containerLogMaxFiles: { flag: "container-log-max-files", form: whole, usual: "5" },
  systemReserved: { flag: "system-reserved", form: amounts("=") },
  kubeReserved: { flag: "kube-reserved", form: amounts("=") },
  shutdownGracePeriod: { flag: "shutdown-grace-period", form: duration, usual: "0s" },
  shutdownGracePeriodCriticalPods: { flag: "shutdown-grace-period-critical-pods", form: duration, usual: "0s" },
};

/** Upstream's other fields: what they are about is decided elsewhere here, or is not to be had. */
const without = new Set(
  `address authentication authorization cgroupDriver cgroupRoot cgroupsPerQOS clusterDNS clusterDomain
configMapAndSecretChangeDetectionStrategy containerLogMaxWorkers containerLogMonitorInterval containerRuntimeEndpoint contentType
cpuCFSQuota cpuCFSQuotaPeriod cpuManagerPolicy cpuManagerPolicyOptions cpuManagerReconcilePeriod crashLoopBackOff
enableContentionProfiling enableControllerAttachDetach enableDebugFlagsHandler enableDebuggingHandlers enableProfilingHandler
enableServer enableSystemLogHandler enableSystemLogQuery enforceNodeAllocatable eventBurst eventRecordQPS failCgroupV1 failSwapOn
featureGates hairpinMode healthzBindAddress healthzPort imageServiceEndpoint
iptablesDropBit iptablesMasqueradeBit kernelMemcgNotification kubeAPIBurst kubeAPIQPS kubeReservedCgroup kubeletCgroups
localStorageCapacityIsolation logging makeIPTablesUtilChains maxOpenFiles memoryManagerPolicy memorySwap memoryThrottlingFactor
mergeDefaultEvictionSettings nodeLeaseDurationSeconds nodeStatusMaxImages nodeStatusReportFrequency oomScoreAdj podCIDR podsPerCore
port protectKernelDefaults providerID qosReserved readOnlyPort registerNode registerWithTaints
registryBurst registryPullQPS reservedMemory reservedSystemCPUs resolvConf rotateCertificates runOnce runtimeRequestTimeout
seccompDefault serverTLSBootstrap showHiddenMetricsForVersion shutdownGracePeriodByPodPriority streamingConnectionIdleTimeout
syncFrequency systemCgroups systemReservedCgroup tlsCertFile tlsCipherSuites tlsMinVersion tlsPrivateKeyFile topologyManagerPolicy
topologyManagerPolicyOptions topologyManagerScope tracing userNamespaces volumePluginDir volumeStatsAggPeriod`.split(
    /\s+/,
  ),
);

export const kubeletFileFlags: readonly string[] = Object.values(fields).map(({ flag }) => flag);

/** What a KubeletConfiguration says, as flags, and the names of those fields that have no effect here. Throws Fault `invalid`. */
export function kubeletFlagsOf(file: string): { readonly flags: Flags; readonly unused: readonly string[] } {
  let document: unknown;
  try {
    document = parseYaml(file);
  } catch (error) {
    throw new Fault("invalid", `the kubelet's configuration is no YAML: ${errorMessage(error)}`, { cause: error });
  }
  if (!isObject(document)) throw new Fault("invalid", "the kubelet's configuration is no object");
  const { apiVersion, kind, ...rest } = document;
  if (apiVersion !== "kubelet.config.k8s.io/v1beta1" || kind !== "KubeletConfiguration") {
    const found = `${String(kind)} of ${String(apiVersion)}`;
    throw new Fault("invalid", `it takes a KubeletConfiguration of kubelet.config.k8s.io/v1beta1, not ${found}`);
  }
  const flags: Record<string, string> = {};
  const unused: string[] = [];
  for (const [name, value] of Object.entries(rest)) {
    const field = fields[name];
    if (!field && !without.has(name)) throw new Fault("invalid", `strict decoding error: unknown field "${name}"`);
    if (!field) unused.push(name);
    else if (value !== null) flags[field.flag] = flagOf(name, field.form, value);
  }
  return { flags, unused };
}

/** The KubeletConfiguration that flags amount to, as `/configz` shows it. */
export function shownConfiguration(flags: Flags): object {
  const shown = Object.entries(fields).flatMap(([name, { flag, form, usual }]) => {
    const value = flags[flag] || usual;
    return value === undefined ? [] : [[name, form.toField(value)] as const];
  });
  return {
    kind: "KubeletConfiguration",
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    ...Object.fromEntries(shown),
  };
}

function flagOf(name: string, form: Form, value: unknown): string {
  const flag = form.toFlag(value);
  if (flag !== undefined) return flag;
  throw new Fault("invalid", `${name}: ${JSON.stringify(value)} is of the wrong type`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
