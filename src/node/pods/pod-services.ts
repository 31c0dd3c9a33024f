import type { Container, Pod } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { PodAdmission } from "../admission/admission.ts";
import type { NodeMeters } from "../node-meters.ts";
import type { Cgroups } from "../runtime/cgroups.ts";
import type { LogFiles } from "../runtime/log-files.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import type { DnsConfig } from "../runtime/sandbox.ts";
import type { ReadyVolume } from "./container-config.ts";
import type { EnvironmentSources } from "./environment.ts";
import type { ImagePulls } from "./image-pulls.ts";
import type { NodeRoom } from "./node-room.ts";
import type { ObservedContainer } from "./observed.ts";
import type { ProbeVerdict } from "./plan.ts";
import type { PodStore } from "./pod-store.ts";
import type { StartTurns } from "./start-turns.ts";

/** Brings volumes to pods and takes them away. */
export interface Volumes {
  /**
   * Makes all of a pod's volumes ready and resolves with them by name. Doing it again refreshes what is in them. Throws
   * Fault `missing` when something they are made from is not there (yet), with upstream's words.
   */
  mount(pod: Pod): Promise<ReadonlyMap<string, ReadyVolume>>;
  /** Brings configMaps, secrets, tokens and the downward API up to date, whole or not at all. */
  refresh(pod: Pod): Promise<void>;
  /** Unmounts and deletes everything of a pod, its emptyDirs included. Doing it again is fine. */
  unmount(uid: string): Promise<void>;
  /** Pods that something is left of. */
  list(): Promise<readonly string[]>;
  /** The path of a volume's sub path on the node, made if it is missing. Throws Fault `invalid` for one that leaves the volume. */
  subPath(volume: ReadyVolume, path: string): string;
}

/** Asks containers how they are. */
export interface Probes {
  /**
   * Starts probing containers that run and stops probing those that do not. Of a pod that is being deleted only readiness
   * is asked.
   */
  update(pod: Pod, running: readonly ObservedContainer[], podIP: string | undefined): void;
  verdict(pod: Pod, container: ObservedContainer): ProbeVerdict;
  forget(uid: string): void;
}

/** Runs a container's own hooks. */
export interface Hooks {
  /** Resolves when the hook has ended; throws Fault with its output when it failed. Ends early when the signal aborts. */
  run(
    pod: Pod,
    container: ObservedContainer,
    hook: NonNullable<NonNullable<Container["lifecycle"]>["preStop"]>,
    podIP: string | undefined,
    signal: AbortSignal,
  ): Promise<void>;
}

/** What pod workers of one node share. */
export interface PodServices {
  readonly pods: PodStore;
  readonly runtime: ContainerRuntime;
  readonly volumes: Volumes;
  readonly probes: Probes;
  readonly hooks: Hooks;
  readonly images: ImagePulls;
  readonly room: NodeRoom;
  readonly admission: PodAdmission;
  readonly meters: NodeMeters;
  readonly cgroups: Cgroups | undefined;
  /** Processes that one pod may have; no limit if absent. */
  readonly podPids?: number;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly startTurns: StartTurns;
  readonly logFiles: LogFiles;
  /** `containerd`, as container ids in statuses begin. */
  readonly runtimeName: string;
  /** The node's addresses, the primary one first. */
  readonly hostIPs: readonly string[];
  readonly clusterDomain: string;
  /** Folder of pods' own files, and of container logs. */
  readonly podsFolder: string;
  readonly logRoot: string;
  /** Bytes. */
  readonly capacityMemory: number;
  readonly dnsFor: (pod: Pod) => DnsConfig;
  readonly environment: (podIPs: readonly string[]) => EnvironmentSources;
  /** The runtime's handler that the pod's RuntimeClass names; undefined for the usual one. Throws Fault `missing` for an unknown class. */
  readonly handlerFor: (pod: Pod) => Promise<string | undefined>;
}
