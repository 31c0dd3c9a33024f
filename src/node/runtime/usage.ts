import type { ContainerMetadata } from "./container.ts";
import type { FilesystemUsage } from "./image.ts";
import type { SandboxMetadata } from "./sandbox.ts";

export interface CpuUsage {
  /** Milliseconds since the epoch at which it was read. */
  readonly timestamp: number;
  /** CPU time used so far, in nanoseconds. */
  readonly usageCoreNanoSeconds?: number;
  /** Averaged over the runtime's own window; absent until it has one. */
  readonly usageNanoCores?: number;
}

export interface MemoryUsage {
  readonly timestamp: number;
  /** What eviction looks at: usage without inactive file pages. */
  readonly workingSetBytes?: number;
  readonly availableBytes?: number;
  readonly usageBytes?: number;
  readonly rssBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
}

export interface InterfaceUsage {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txErrors: number;
}

export interface ContainerStats {
  readonly id: string;
  readonly metadata: ContainerMetadata;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly writableLayer?: FilesystemUsage;
  readonly swap?: { readonly timestamp: number; readonly availableBytes?: number; readonly usageBytes?: number };
}

export interface SandboxStats {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cpu?: CpuUsage;
  readonly memory?: MemoryUsage;
  readonly network?: { readonly timestamp: number; readonly interfaces: readonly InterfaceUsage[] };
  readonly processCount?: number;
  readonly containers: readonly ContainerStats[];
}

/** Everything that is given must match. */
export interface StatsFilter {
  readonly id?: string;
  readonly sandboxId?: string;
  readonly labels?: Readonly<Record<string, string>>;
}
