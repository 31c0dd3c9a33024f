import type * as core from "../../../api/generated/core-v1.ts";
import {
  type CheckFunction,
  containersOf,
  containersText,
  type PodCheck,
  plural,
  quotedList,
  settersText,
  sortedOnce,
  unlessOwnUsers,
} from "./pod-check.ts";

const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
const knownAppArmor = (value: string) => value === "" || value === "runtime/default" || value.startsWith("localhost/");
const safeProfile = (type: string) => type === "RuntimeDefault" || type === "Localhost";

const appArmorProfile: CheckFunction = ({ spec, annotations }) => {
  const podType = spec.securityContext?.appArmorProfile?.type;
  const bad = containersOf(spec).filter(({ securityContext }) => isUnsafe(securityContext?.appArmorProfile?.type));
  const noted = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !knownAppArmor(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const types = [podType, ...bad.map(({ securityContext }) => securityContext?.appArmorProfile?.type)];
  const values = [...sortedOnce(types.filter(isUnsafe)), ...noted];
  if (values.length === 0) return undefined;
  const setters = settersText(isUnsafe(podType), bad.map(nameOf));
  const noter = noted.length > 0 ? plural(noted.length, "annotation", "annotations") : "";
  const who = [setters, noter].filter((text) => text !== "").join(" and ");
  return {
    reason: plural(values.length, "forbidden AppArmor profile", "forbidden AppArmor profiles"),
    detail: `${who} must not set AppArmor profile type to ${quotedList(values)}`,
  };
};

const isUnsafe = (type: string | undefined): type is string => type !== undefined && !safeProfile(type);
const nameOf = ({ name }: { readonly name: string }) => name;

const usualCapabilities = new Set(
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split(
    " ",
  ),
);

const capabilities: CheckFunction = ({ spec }) => {
  const added = ({ securityContext }: { readonly securityContext?: core.SecurityContext }) =>
    (securityContext?.capabilities?.add ?? []).filter((one) => !usualCapabilities.has(one));
  const bad = containersOf(spec).filter((container) => added(container).length > 0);
  if (bad.length === 0) return undefined;
  const names = quotedList(sortedOnce(bad.flatMap(added)));
  return {
    reason: "non-default capabilities",
    detail: `${containersText(bad.map(nameOf))} must not include ${names} in securityContext.capabilities.add`,
  };
};

const hostNamespaces: CheckFunction = ({ spec }) => {
  const set = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((name) => spec[name]);
  const detail = set.map((name) => `${name}=true`).join(", ");
  return set.length === 0 ? undefined : { reason: "host namespaces", detail };
};

const hostPathVolumes: CheckFunction = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(nameOf);
  if (bad.length === 0) return undefined;
  return { reason: "hostPath volumes", detail: `${plural(bad.length, "volume", "volumes")} ${quotedList(bad)}` };
};

const hostPorts: CheckFunction = ({ spec }) => {
  const portsOf = ({ ports }: { readonly ports?: readonly core.ContainerPort[] }) =>
    (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
  const bad = containersOf(spec).filter((container) => portsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = sortedOnce(bad.flatMap(portsOf));
  const uses = plural(bad.length, "uses", "use");
  return {
    reason: "hostPort",
    detail: `${containersText(bad.map(nameOf))} ${uses} ${plural(ports.length, "hostPort", "hostPorts")} ${ports.join(", ")}`,
  };
};

interface Handler {
  readonly httpGet?: { readonly host?: string };
  readonly tcpSocket?: { readonly host?: string };
}

const hostProbes: CheckFunction = ({ spec }) => {
  const hostsOf = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: core.EphemeralContainer) => {
    const handlers: readonly (Handler | undefined)[] = [
      livenessProbe,
      readinessProbe,
      startupProbe,
      lifecycle?.postStart,
      lifecycle?.preStop,
    ];
    return handlers
      .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
      .filter((host) => host !== undefined && host !== "");
  };
  const bad = containersOf(spec).filter((container) => hostsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const hosts = sortedOnce(bad.flatMap(hostsOf));
  const what = plural(hosts.length, "probe or lifecycle host", "probe or lifecycle hosts");
  const who = containersText(sortedOnce(bad.map(nameOf)));
  return {
    reason: "probe or lifecycle host",
    detail: `${who} ${plural(bad.length, "uses", "use")} ${what} ${quotedList(hosts)}`,
  };
};

const privileged: CheckFunction = ({ spec }) => {
  const bad = containersOf(spec).filter(({ securityContext }) => securityContext?.privileged);
  if (bad.length === 0) return undefined;
  const who = containersText(bad.map(nameOf));
  return { reason: "privileged", detail: `${who} must not set securityContext.privileged=true` };
};

/** Part of both profiles: the restricted one lets user namespaces change nothing. */
export const procMount: CheckFunction = ({ spec }) => {
  const mount = ({ securityContext }: { readonly securityContext?: core.SecurityContext }) =>
    securityContext?.procMount ?? "Default";
  const bad = containersOf(spec).filter((container) => mount(container) !== "Default");
  if (bad.length === 0) return undefined;
  const values = quotedList(sortedOnce(bad.map(mount)));
  return {
    reason: "procMount",
    detail: `${containersText(bad.map(nameOf))} must not set securityContext.procMount to ${values}`,
  };
};

const seLinuxTypes = ["container_t", "container_init_t", "container_kvm_t"];

function seLinuxOptions(types: readonly string[]): CheckFunction {
  const isBad = ({ type = "", user = "", role = "" }: core.SELinuxOptions) =>
    (type !== "" && !types.includes(type)) || user !== "" || role !== "";
  return ({ spec }) => {
    const own = spec.securityContext?.seLinuxOptions;
    const bad = containersOf(spec).filter(({ securityContext }) => isBad(securityContext?.seLinuxOptions ?? {}));
    const setters = settersText(own !== undefined && isBad(own), bad.map(nameOf));
    if (setters === "") return undefined;
    const all = [own, ...bad.map(({ securityContext }) => securityContext?.seLinuxOptions)];
    const set = all.filter((options) => options !== undefined);
    const wrong = sortedOnce(set.map(({ type = "" }) => type).filter((type) => type !== "" && !types.includes(type)));
    const details = [
      ...(wrong.length > 0 ? [`${plural(wrong.length, "type", "types")} ${quotedList(wrong)}`] : []),
      ...(set.some(({ user }) => user) ? ["user may not be set"] : []),
      ...(set.some(({ role }) => role) ? ["role may not be set"] : []),
    ];
    const detail = `${setters} set forbidden securityContext.seLinuxOptions: ${details.join("; ")}`;
    return { reason: "seLinuxOptions", detail };
  };
}

const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompPrefix = "container.seccomp.security.alpha.kubernetes.io/";
const knownSeccomp = (value: string) =>
  value === "runtime/default" || value === "docker/default" || value.startsWith("localhost/");

const seccompAnnotations: CheckFunction = ({ spec, annotations }) => {
  const keys = [seccompPod, ...containersOf(spec).map(({ name }) => seccompPrefix + name)];
  const bad = sortedOnce(
    keys.flatMap((key) => {
      const value = annotations[key];
      return value === undefined || knownSeccomp(value) ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (bad.length === 0) return undefined;
  const what = plural(bad.length, "annotation", "annotations");
  return { reason: "seccompProfile", detail: `forbidden ${what} ${bad.join(", ")}` };
};

/** What both profiles forbid: a profile that is said to be none. */
export const unsafeSeccompProfile: CheckFunction = ({ spec }) => {
  const podType = spec.securityContext?.seccompProfile?.type;
  const typeOf = ({ securityContext }: { readonly securityContext?: core.SecurityContext }) =>
    securityContext?.seccompProfile?.type;
  const bad = containersOf(spec).filter((container) => isUnsafe(typeOf(container)));
  const setters = settersText(isUnsafe(podType), bad.map(nameOf));
  if (setters === "") return undefined;
  const values = quotedList(sortedOnce([podType, ...bad.map(typeOf)].filter(isUnsafe)));
  return {
    reason: "seccompProfile",
    detail: `${setters} must not set securityContext.seccompProfile.type to ${values}`,
  };
};

const sysctlSteps: readonly (readonly [minor: number, added: readonly string[]])[] = [
  [
    0,
    [
      "kernel.shm_rmid_forced",
      "net.ipv4.ip_local_port_range",
      "net.ipv4.ip_unprivileged_port_start",
      "net.ipv4.ping_group_range",
      "net.ipv4.tcp_syncookies",
    ],
  ],
  [27, ["net.ipv4.ip_local_reserved_ports"]],
  [
    29,
    [
      "net.ipv4.tcp_fin_timeout",
      "net.ipv4.tcp_keepalive_intvl",
      "net.ipv4.tcp_keepalive_probes",
      "net.ipv4.tcp_keepalive_time",
    ],
  ],
  [32, ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"]],
];

function sysctls(safe: ReadonlySet<string>): CheckFunction {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(nameOf).filter((name) => !safe.has(name));
    return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
  };
}

const windowsHostProcess: CheckFunction = ({ spec }) => {
  const own = spec.securityContext?.windowsOptions?.hostProcess ?? false;
  const bad = containersOf(spec).filter(({ securityContext }) => securityContext?.windowsOptions?.hostProcess);
  const setters = settersText(own, bad.map(nameOf));
  if (setters === "") return undefined;
  return { reason: "hostProcess", detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` };
};

/** The controls of the baseline profile, in the order of messages. */
export const baselineChecks: readonly PodCheck[] = [
  { id: "appArmorProfile", versions: [[0, appArmorProfile]] },
  { id: "capabilities_baseline", versions: [[0, capabilities]] },
  { id: "hostNamespaces", versions: [[0, hostNamespaces]] },
  { id: "hostPathVolumes", versions: [[0, hostPathVolumes]] },
  { id: "hostPorts", versions: [[0, hostPorts]] },
  { id: "hostProbesAndHostLifecycle", versions: [[34, hostProbes]] },
  { id: "privileged", versions: [[0, privileged]] },
  {
    id: "procMount",
    versions: [
      [0, procMount],
      [35, unlessOwnUsers(procMount)],
    ],
  },
  {
    id: "seLinuxOptions",
    versions: [
      [0, seLinuxOptions(seLinuxTypes)],
      [31, seLinuxOptions([...seLinuxTypes, "container_engine_t"])],
    ],
  },
  {
    id: "seccompProfile_baseline",
    versions: [
      [0, seccompAnnotations],
      [19, unsafeSeccompProfile],
    ],
  },
  {
    id: "sysctls",
    versions: sysctlSteps.map(([minor], index) => [
      minor,
      sysctls(new Set(sysctlSteps.slice(0, index + 1).flatMap(([, added]) => added))),
    ]),
  },
  { id: "windowsHostProcess", versions: [[0, windowsHostProcess]] },
];
