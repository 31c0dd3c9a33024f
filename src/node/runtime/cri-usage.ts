import { metadataOf, milliseconds } from "./cri-messages.ts";
import type { FilesystemUsage, RuntimeImage } from "./image.ts";
import type * as cri from "./proto/cri-v1.ts";
import type { ContainerStats, CpuUsage, InterfaceUsage, MemoryUsage, SandboxStats } from "./usage.ts";

/** An image of the CRI in our form. */
export function imageOf(message: cri.Image): RuntimeImage {
  return {
    id: message.id ?? "",
    repoTags: message.repoTags ?? [],
    repoDigests: message.repoDigests ?? [],
    sizeBytes: message.size ?? 0,
    uid: message.uid?.value,
    username: message.username ?? "",
    pinned: message.pinned ?? false,
  };
}

/** A file system's usage in our form. */
export function filesystemOf(message: cri.FilesystemUsage): FilesystemUsage {
  return {
    timestamp: milliseconds(message.timestamp) ?? 0,
    mountpoint: message.fsId?.mountpoint ?? "",
    usedBytes: message.usedBytes?.value,
    inodesUsed: message.inodesUsed?.value,
  };
}

/** A container's figures in our form. */
export function containerStatsOf(message: cri.ContainerStats): ContainerStats {
  const { attributes, swap } = message;
  return {
    id: attributes?.id ?? "",
    metadata: { name: attributes?.metadata?.name ?? "", attempt: attributes?.metadata?.attempt ?? 0 },
    labels: attributes?.labels ?? {},
    annotations: attributes?.annotations ?? {},
    cpu: message.cpu && cpuOf(message.cpu),
    memory: message.memory && memoryOf(message.memory),
    writableLayer: message.writableLayer && filesystemOf(message.writableLayer),
    swap: swap && {
      timestamp: milliseconds(swap.timestamp) ?? 0,
      availableBytes: swap.swapAvailableBytes?.value,
      usageBytes: swap.swapUsageBytes?.value,
    },
  };
}

/** A sandbox's figures in our form. */
export function sandboxStatsOf(message: cri.PodSandboxStats): SandboxStats {
  const { attributes, linux } = message;
  const { network } = linux ?? {};
  const interfaces = [network?.defaultInterface, ...(network?.interfaces ?? [])].filter((one) => one !== undefined);
  return {
    id: attributes?.id ?? "",
    metadata: metadataOf(attributes?.metadata),
    labels: attributes?.labels ?? {},
    annotations: attributes?.annotations ?? {},
    cpu: linux?.cpu && cpuOf(linux.cpu),
    memory: linux?.memory && memoryOf(linux.memory),
    network: network && { timestamp: milliseconds(network.timestamp) ?? 0, interfaces: interfaces.map(interfaceOf) },
    processCount: linux?.process?.processCount?.value,
    containers: (linux?.containers ?? []).map(containerStatsOf),
  };
}

function cpuOf(message: cri.CpuUsage): CpuUsage {
  return {
    timestamp: milliseconds(message.timestamp) ?? 0,
    usageCoreNanoSeconds: message.usageCoreNanoSeconds?.value,
    usageNanoCores: message.usageNanoCores?.value,
  };
}

function memoryOf(message: cri.MemoryUsage): MemoryUsage {
  return {
    timestamp: milliseconds(message.timestamp) ?? 0,
    workingSetBytes: message.workingSetBytes?.value,
    availableBytes: message.availableBytes?.value,
    usageBytes: message.usageBytes?.value,
    rssBytes: message.rssBytes?.value,
    pageFaults: message.pageFaults?.value,
    majorPageFaults: message.majorPageFaults?.value,
  };
}

function interfaceOf(message: cri.NetworkInterfaceUsage): InterfaceUsage {
  return {
    name: message.name ?? "",
    rxBytes: message.rxBytes?.value ?? 0,
    rxErrors: message.rxErrors?.value ?? 0,
    txBytes: message.txBytes?.value ?? 0,
    txErrors: message.txErrors?.value ?? 0,
  };
}
