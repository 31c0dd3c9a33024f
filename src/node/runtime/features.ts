import { Fault } from "../../lib/fault.ts";
import type { ContainerConfig } from "./container.ts";
import type { StatusResponse } from "./proto/cri-v1.ts";
import type { RuntimeFeatures, RuntimeVersion } from "./runtime.ts";
import type { SandboxConfig } from "./sandbox.ts";

/** The first release of a runtime that has a feature which the CRI has no flag for. */
const since: Readonly<Record<string, Readonly<Partial<Record<keyof RuntimeFeatures, string>>>>> = {
  containerd: { imageVolumes: "2.1", cdiDevices: "1.7", stopSignal: "2.2" },
  "cri-o": { imageVolumes: "1.31", cdiDevices: "1.23", stopSignal: "1.33" },
};

/** What a runtime can do, by what it says of itself, and by its version where the CRI has no way to say it. */
export function featuresOf(version: RuntimeVersion, status: StatusResponse): RuntimeFeatures {
  const handlers = status.runtimeHandlers ?? [];
  const released = since[version.name] ?? {};
  const has = (feature: keyof RuntimeFeatures) => {
    const first = released[feature];
    return first !== undefined && atLeast(version.version, first);
  };
  return {
    userNamespaces: handlers.some(({ features }) => features?.userNamespaces),
    recursiveReadonlyMounts: handlers.some(({ features }) => features?.recursiveReadOnlyMounts),
    supplementalGroupsPolicy: status.features?.supplementalGroupsPolicy ?? false,
    imageVolumes: has("imageVolumes"),
    cdiDevices: has("cdiDevices"),
    stopSignal: has("stopSignal"),
  };
}

/** Throws Fault `unsupported` for a sandbox that this runtime would make other than asked, without a word. */
export function refuseIgnoredInSandbox(config: SandboxConfig, features: RuntimeFeatures): void {
  const { security } = config;
  if (security?.namespaces.userNamespace && !features.userNamespaces) refuse("user namespaces (hostUsers: false)");
  if (security?.supplementalGroupsPolicy === "strict" && !features.supplementalGroupsPolicy) {
    refuse("supplementalGroupsPolicy Strict");
  }
}

/** Throws Fault `unsupported` for a container that this runtime would make other than asked, without a word. */
export function refuseIgnoredInContainer(config: ContainerConfig, features: RuntimeFeatures): void {
  const { security, mounts = [] } = config;
  if (security?.namespaces.userNamespace && !features.userNamespaces) refuse("user namespaces (hostUsers: false)");
  if (security?.supplementalGroupsPolicy === "strict" && !features.supplementalGroupsPolicy) {
    refuse("supplementalGroupsPolicy Strict");
  }
  if (mounts.some(({ image }) => image) && !features.imageVolumes) refuse("image volumes");
  if (mounts.some(({ recursiveReadonly }) => recursiveReadonly) && !features.recursiveReadonlyMounts) {
    refuse("recursive read-only mounts");
  }
  if (config.cdiDevices?.length && !features.cdiDevices) refuse("CDI devices");
  if (config.stopSignal && !features.stopSignal) refuse("a stop signal in the container's lifecycle");
}

function refuse(what: string): never {
  throw new Fault("unsupported", `The container runtime does not support ${what}`);
}

/** Compares the leading numbers of two versions: `1.6.20~ds1` is at least `1.6`. */
export function atLeast(version: string, wanted: string): boolean {
  const numbers = (text: string) => (/^v?(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? "0").split(".").map(Number);
  const have = numbers(version);
  for (const [index, want] of numbers(wanted).entries()) {
    const difference = (have[index] ?? 0) - want;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
