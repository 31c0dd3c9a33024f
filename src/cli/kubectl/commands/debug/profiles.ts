import type { Container, PodSpec, SecurityContext } from "../../../../api/generated/core-v1.ts";
import { CommandError } from "../../messages.ts";

/** What is being debugged: a running pod from within, a copy of it, or a node. */
export type DebugStyle = "ephemeral" | "copy" | "node";

/** What a copy keeps of the pod that it was made of. */
export interface Kept {
  readonly labels: boolean;
  readonly annotations: boolean;
  readonly liveness: boolean;
  readonly readiness: boolean;
  readonly startup: boolean;
  readonly initContainers: boolean;
}

/** As much of a pod as profiles change. */
export interface DebugPod {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [member: string]: unknown;
  };
  readonly spec: PodSpec;
}

/** Changes a pod in the way that a profile's name stands for; `container` is the one to debug with. */
export type Profile = (pod: DebugPod, container: string, style: DebugStyle, kept: Kept) => DebugPod;

/** The profile of a name. Throws CommandError. */
export function profileOf(name: string): Profile {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (!profile) throw new CommandError(`unknown profile: ${name}`);
  return profile;
}

const profiles: Readonly<Record<string, Profile>> = {
  legacy(pod, container, style) {
    if (style === "node") return inHostNamespaces(withHostRoot(pod, container));
    return style === "copy" ? { ...pod, metadata: without(pod.metadata, "labels") } : pod;
  },
  general(pod, container, style, kept) {
    if (style === "node") {
      return inHostNamespaces(withSecurity(withHostRoot(pod, container), container, () => undefined));
    }
    const tracing = withCapabilities(style === "copy" ? reduced(pod, kept) : pod, container, ["SYS_PTRACE"]);
    return style === "copy" ? sharingProcesses(tracing) : tracing;
  },
  baseline(pod, container, style, kept) {
    const plain = withSecurity(pod, container, () => undefined);
    return style === "copy" ? sharingProcesses(reduced(plain, kept)) : plain;
  },
  restricted(pod, container, style, kept) {
    const bound = withSecurity(pod, container, () => ({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    }));
    return style === "copy" ? sharingProcesses(reduced(bound, kept)) : bound;
  },
  netadmin(pod, container, style, kept) {
    const able = withCapabilities(pod, container, ["NET_ADMIN", "NET_RAW"]);
    if (style === "node") return inHostNamespaces(able);
    return style === "copy" ? sharingProcesses(reduced(able, kept)) : able;
  },
  sysadmin(pod, container, style, kept) {
    const able = withSecurity(pod, container, (security) => ({ ...security, privileged: true }));
    if (style === "node") return withHostRoot(inHostNamespaces(able), container);
    return style === "copy" ? sharingProcesses(reduced(able, kept)) : able;
  },
};

/** The pod with one of its containers changed, whichever list that is in. */
export function withContainer(pod: DebugPod, name: string, change: (container: Container) => Container): DebugPod {
  const each = <T extends { readonly name: string }>(list: readonly T[] | undefined) =>
    list?.map((one) => (one.name === name ? (change(one as unknown as Container) as unknown as T) : one));
  const { initContainers, ephemeralContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: each(pod.spec.containers) ?? [],
      ...(initContainers ? { initContainers: each(initContainers) } : {}),
      ...(ephemeralContainers ? { ephemeralContainers: each(ephemeralContainers) } : {}),
    } as PodSpec,
  };
}

function without<T extends object, Name extends keyof T>(object: T, ...names: readonly Name[]): T {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name as Name))) as T;
}

function withSecurity(
  pod: DebugPod,
  container: string,
  change: (security: SecurityContext) => SecurityContext | undefined,
): DebugPod {
  return withContainer(pod, container, (one) => {
    const changed = change(one.securityContext ?? {});
    return changed ? { ...one, securityContext: changed } : without(one, "securityContext");
  });
}

function withCapabilities(pod: DebugPod, container: string, added: readonly string[]): DebugPod {
  return withSecurity(pod, container, (security) => ({
    ...security,
    capabilities: { ...security.capabilities, add: [...(security.capabilities?.add ?? []), ...added] },
  }));
}

function withHostRoot(pod: DebugPod, container: string): DebugPod {
  const volumes = [...(pod.spec.volumes ?? []), { name: "host-root", hostPath: { path: "/" } }];
  const mounted = withContainer(pod, container, (one) => ({
    ...one,
    volumeMounts: [...(one.volumeMounts ?? []), { mountPath: "/host", name: "host-root" }],
  }));
  return { ...mounted, spec: { ...mounted.spec, volumes } };
}

function inHostNamespaces(pod: DebugPod): DebugPod {
  return { ...pod, spec: { ...pod.spec, hostNetwork: true, hostPID: true, hostIPC: true } };
}

function sharingProcesses(pod: DebugPod): DebugPod {
  return { ...pod, spec: { shareProcessNamespace: true, ...pod.spec } };
}

/** A copy without what would draw traffic to it or end it while somebody looks. */
function reduced(pod: DebugPod, kept: Kept): DebugPod {
  const probes = [
    ...(kept.liveness ? [] : ["livenessProbe" as const]),
    ...(kept.readiness ? [] : ["readinessProbe" as const]),
    ...(kept.startup ? [] : ["startupProbe" as const]),
  ];
  const metadata = without(
    pod.metadata,
    ...(kept.labels ? [] : ["labels"]),
    ...(kept.annotations ? [] : ["annotations"]),
  );
  const spec = kept.initContainers ? pod.spec : without(pod.spec, "initContainers");
  return { metadata, spec: { ...spec, containers: spec.containers.map((one) => without(one, ...probes)) } };
}
