import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Amounts } from "../../api/core/pod-totals.ts";
import type { Container, Pod, SecurityContext } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import type { ContainerConfig, ContainerMount, ContainerSecurity } from "../runtime/container.ts";
import type { RuntimeImage } from "../runtime/image.ts";
import {
  containerLabels,
  containerLogPath,
  podLogDirectory,
  runtimeAnnotations,
  sandboxLabels,
} from "../runtime/labels.ts";
import type { IdMapping, NamespaceOptions, SecurityProfile } from "../runtime/resources.ts";
import type { DnsConfig, SandboxConfig } from "../runtime/sandbox.ts";
import type { DeclaredContainer } from "./containers.ts";
import { expand } from "./expansion.ts";
import { hostnameOf } from "./hostname.ts";
import { containerResources, overheadResources, podResources } from "./qos.ts";

/** A volume that is ready on this node. */
export interface ReadyVolume {
  /** Where its files are; empty for an image's. */
  readonly path: string;
  /** It is the files of this image, which the runtime mounts. */
  readonly image?: string;
  /** It cannot be written whatever the mount says: configMap, secret, downwardAPI, projected. */
  readonly readonly: boolean;
}

/** The hash of a declaration: another one means that the container must be made anew. The order of members does not count. */
export function containerHash(container: Container): string {
  // Only the image of a container can be changed while its pod lives (resources are changed in place).
  const { name, image } = container;
  return createHash("sha256")
    .update(JSON.stringify([name, image]))
    .digest("hex")
    .slice(0, 8);
}

export interface SandboxContext {
  readonly logRoot: string;
  readonly dns: DnsConfig;
  readonly cgroupParent: string;
  readonly attempt: number;
  readonly clusterDomain: string;
  /** The node's users that are the pod's own; absent if it has the node's. */
  readonly users?: IdMapping;
}

const namesOf = (pod: Pod) => ({
  podName: pod.metadata.name,
  podNamespace: pod.metadata.namespace,
  podUid: pod.metadata.uid,
});

function namespaces(pod: Pod, users: IdMapping | undefined): NamespaceOptions {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec;
  return {
    network: hostNetwork ? "node" : "pod",
    pid: hostPID ? "node" : shareProcessNamespace ? "pod" : "container",
    ipc: hostIPC ? "node" : "pod",
    ...(users ? { userNamespace: { uids: [users], gids: [users] } } : {}),
  };
}

/** The pod's shared part. */
export function sandboxConfig(pod: Pod, context: SandboxContext): SandboxConfig {
  const { name, namespace, uid, labels, annotations } = pod.metadata;
  const security = pod.spec.securityContext;
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return {
    metadata: { name, namespace, uid, attempt: context.attempt },
    ...(pod.spec.hostNetwork ? {} : { hostname: hostnameOf(pod, context.clusterDomain) }),
    logDirectory: podLogDirectory(context.logRoot, namesOf(pod)),
    dns: context.dns,
    portMappings: ports.map(({ containerPort, hostPort, hostIP, protocol }) => ({
      protocol: protocol ?? "TCP",
      containerPort,
      // Host ports are the service proxy's work: the CNI chain has no port mapper to pay for.
      hostPort: 0,
      ...(hostPort && hostIP ? { hostIp: hostIP } : {}),
    })),
    labels: sandboxLabels(namesOf(pod), labels),
    annotations: {
      ...annotations,
      [runtimeAnnotations.configSource]: annotations?.[runtimeAnnotations.configSource] ?? "api",
    },
    cgroupParent: context.cgroupParent,
    resources: podResources(pod),
    ...(pod.spec.overhead ? { overhead: overheadResources(pod.spec.overhead as Amounts) } : {}),
    sysctls: Object.fromEntries((security?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
    security: {
      namespaces: namespaces(pod, context.users),
      ...(security?.runAsUser === undefined ? {} : { runAsUser: security.runAsUser }),
      ...(security?.runAsGroup === undefined ? {} : { runAsGroup: security.runAsGroup }),
      ...groupsOf(pod),
      privileged: [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some(
        (container) => container.securityContext?.privileged,
      ),
      seccomp: profileOf(security?.seccompProfile) ?? { type: "unconfined" },
    },
  };
}

function groupsOf(pod: Pod): Pick<ContainerSecurity, "supplementalGroups" | "supplementalGroupsPolicy"> {
  const { supplementalGroups = [], fsGroup, supplementalGroupsPolicy } = pod.spec.securityContext ?? {};
  return {
    supplementalGroups: [...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])],
    ...(supplementalGroupsPolicy === "Strict" ? { supplementalGroupsPolicy: "strict" } : {}),
  };
}

function profileOf(
  profile: { readonly type: string; readonly localhostProfile?: string } | undefined,
): SecurityProfile | undefined {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { type: "runtimeDefault" };
    case "Localhost":
      return { type: "localhost", ref: profile.localhostProfile ?? "" };
    case "Unconfined":
      return { type: "unconfined" };
    default:
      return undefined;
  }
}

export interface ContainerContext {
  readonly image: RuntimeImage;
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly volumes: ReadonlyMap<string, ReadyVolume>;
  /** The file that becomes /etc/hosts. */
  readonly hostsFile: string;
  readonly restartCount: number;
  readonly capacityMemory: number;
  /** Host path of a volume's sub path, made if it is missing; refuses to leave the volume. */
  readonly subPath: (volume: ReadyVolume, path: string) => string;
  /** Host path of the file that the container may write its last words to. */
  readonly terminationLog: string;
  /** The container whose process namespace an ephemeral container enters. */
  readonly targetId?: string;
  /** As of the sandbox. */
  readonly users?: IdMapping;
}

/** Everything that the runtime needs to make a container. Throws Fault `invalid` for what cannot be: the container waits with the message. */
export function containerConfig(pod: Pod, container: DeclaredContainer, context: ContainerContext): ContainerConfig {
  const { environment, image, restartCount } = context;
  const values = new Map(environment.map(({ name, value }) => [name, value]));
  const { name } = container;
  const deletion = pod.metadata.deletionGracePeriodSeconds;
  return {
    metadata: { name, attempt: restartCount },
    image: image.id,
    userImage: container.image ?? image.id,
    command: (container.command ?? []).map((word) => expand(word, values)),
    args: (container.args ?? []).map((word) => expand(word, values)),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    env: environment,
    mounts: mountsOf(container, context, values),
    labels: containerLabels({ ...namesOf(pod), containerName: name }),
    annotations: {
      [runtimeAnnotations.containerHash]: containerHash(container),
      [runtimeAnnotations.restartCount]: String(restartCount),
      [runtimeAnnotations.terminationMessagePath]: container.terminationMessagePath ?? "/dev/termination-log",
      [runtimeAnnotations.terminationMessagePolicy]: container.terminationMessagePolicy ?? "File",
      [runtimeAnnotations.podTerminationGracePeriod]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
      ...(deletion === undefined ? {} : { [runtimeAnnotations.podDeletionGracePeriod]: String(deletion) }),
      ...(container.lifecycle?.preStop
        ? { [runtimeAnnotations.preStopHandler]: JSON.stringify(container.lifecycle.preStop) }
        : {}),
    },
    logPath: containerLogPath(name, restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    resources: containerResources(pod, container, context.capacityMemory),
    security: securityOf(pod, container, context),
    ...(container.lifecycle?.stopSignal ? { stopSignal: container.lifecycle.stopSignal } : {}),
  };
}

function imageMount(path: string, ref: string, subPath: string): ContainerMount {
  const image = { ref, ...(subPath ? { subPath } : {}) };
  return { containerPath: join("/", path), hostPath: "", readonly: true, image };
}

function mountsOf(
  container: Container,
  context: ContainerContext,
  values: ReadonlyMap<string, string>,
): readonly ContainerMount[] {
  const { users } = context;
  const mounts: ContainerMount[] = (container.volumeMounts ?? []).map((mount) => {
    const volume = context.volumes.get(mount.name);
    if (!volume) throw new Fault("invalid", `volume ${mount.name} is not mounted`);
    const sub = mount.subPathExpr ? expand(mount.subPathExpr, values) : (mount.subPath ?? "");
    if (volume.image !== undefined) return imageMount(mount.mountPath, volume.image, sub);
    const propagation = mount.mountPropagation;
    return {
      containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : join("/", mount.mountPath),
      hostPath: sub ? context.subPath(volume, sub) : volume.path,
      readonly: volume.readonly || mount.readOnly === true,
      ...(users ? { uidMappings: [users], gidMappings: [users] } : {}),
      ...(mount.recursiveReadOnly === "Enabled" ? { recursiveReadonly: true } : {}),
      propagation:
        propagation === "Bidirectional"
          ? "bidirectional"
          : propagation === "HostToContainer"
            ? "hostToContainer"
            : "private",
    };
  });
  const addUnlessTaken = (containerPath: string, hostPath: string) => {
    if (!mounts.some((mount) => mount.containerPath === containerPath)) mounts.push({ containerPath, hostPath });
  };
  addUnlessTaken("/etc/hosts", context.hostsFile);
  addUnlessTaken(container.terminationMessagePath ?? "/dev/termination-log", context.terminationLog);
  return mounts;
}

function securityOf(pod: Pod, container: Container, context: ContainerContext): ContainerSecurity {
  const own: SecurityContext = container.securityContext ?? {};
  const shared = pod.spec.securityContext;
  const runAsUser = own.runAsUser ?? shared?.runAsUser;
  const runAsGroup = own.runAsGroup ?? shared?.runAsGroup;
  if ((own.runAsNonRoot ?? shared?.runAsNonRoot) === true) refuseRoot(pod, container, runAsUser, context.image);
  const namespaceOptions = namespaces(pod, context.users);
  const seccomp = profileOf(own.seccompProfile) ?? profileOf(shared?.seccompProfile) ?? { type: "unconfined" };
  const apparmor = profileOf(own.appArmorProfile) ?? profileOf(shared?.appArmorProfile);
  return {
    namespaces: context.targetId
      ? { ...namespaceOptions, pid: "target", targetId: context.targetId }
      : namespaceOptions,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    privileged: own.privileged ?? false,
    ...(runAsUser === undefined ? imageUser(context.image) : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    ...groupsOf(pod),
    noNewPrivileges: own.allowPrivilegeEscalation === false && !own.privileged,
    ...(own.procMount === "Unmasked" ? { maskedPaths: [], readonlyPaths: [] } : {}),
    seccomp: own.privileged ? { type: "unconfined" } : seccomp,
    ...(apparmor ? { apparmor } : {}),
  };
}

function imageUser(image: RuntimeImage): Pick<ContainerSecurity, "runAsUser" | "runAsUserName"> {
  if (image.uid !== undefined) return { runAsUser: image.uid };
  return image.username ? { runAsUserName: image.username } : {};
}

/** `runAsNonRoot` is kept: an image that runs as root, or as a name whose number nobody knows, is refused. */
function refuseRoot(
  { metadata: { name, namespace, uid } }: Pod,
  container: Container,
  user: number | undefined,
  { username, uid: imageUid = 0 }: RuntimeImage,
): void {
  const where = `(pod: "${name}_${namespace}(${uid})", container: ${container.name})`;
  const refuse = (why: string) => {
    throw new Fault("invalid", `${why} ${where}`);
  };
  if (user === 0) refuse("container's runAsUser breaks non-root policy");
  if (user !== undefined) return;
  if (username)
    refuse(`container has runAsNonRoot and image has non-numeric user (${username}), cannot verify user is non-root`);
  if (imageUid === 0) refuse("container has runAsNonRoot and image will run as root");
}
