import { Fault } from "../lib/fault.ts";
import { quantityToNumber } from "../machinery/quantity.ts";
import { parseDuration } from "../machinery/times.ts";
import { checkedPatterns } from "./admission/sysctls.ts";
import { parseThresholds, type Threshold, usualHard } from "./eviction/thresholds.ts";
import type { ImageLimits } from "./garbage/image-collector.ts";
import { kubeletFileFlags, shownConfiguration } from "./kubelet-file.ts";
import type { Verification } from "./pods/image-access.ts";
import { type RotationPolicy, usualRotation } from "./runtime/log-rotation.ts";
import type { ManifestSettings } from "./static-pods/manifest-sources.ts";

/** What a node's administrator may choose, as the kubelet's flags. Times in ms. */
export interface NodeConfiguration {
  readonly manifests: ManifestSettings;
  readonly eviction: {
    readonly thresholds: readonly Threshold[];
    readonly transitionMs: number;
    readonly maxPodGraceSeconds: number;
  };
  readonly images: ImageLimits;
  readonly logs: RotationPolicy;
  /** How long a node that shuts down waits for its pods, and how much of that is for critical ones; 0: as their own grace says. */
  readonly shutdown: { readonly all: number; readonly critical: number };
  /** How often the node tells that it lives; upstream's time if absent. */
  readonly statusEvery?: number;
  readonly maxPods: number;
  /** Bytes and cores that are not for pods. */
  readonly reserved: { readonly cpu: number; readonly memory: number; readonly ephemeralStorage: number };
  /** Processes that one pod may have; no limit if absent. */
  readonly podPids?: number;
  /** Image pulls at a time. */
  readonly parallelPulls: number;
  readonly imageVerification: Verification;
  /** Sysctls that pods may have though they are not safe: names, and beginnings that end in `*`. */
  readonly unsafeSysctls: readonly string[];
  /** All of it as the kubelet's configuration file has it. */
  readonly shown: object;
}

type Flags = Readonly<Record<string, string>>;

/** The kubelet's flags that a node takes, and settings of its configuration file that have no flag there. */
export const nodeConfigurationFlags: readonly string[] = ["config", ...kubeletFileFlags];

/** Reads the kubelet's flags; what is not given has upstream's value. Throws Fault `invalid` for a value that cannot be meant. */
export function nodeConfiguration(flags: Flags): NodeConfiguration {
  return {
    manifests: {
      ...(flags["pod-manifest-path"] ? { path: flags["pod-manifest-path"] } : {}),
      fileCheckEvery: duration(flags, "file-check-frequency", 20_000),
      ...(flags["manifest-url"] ? { url: flags["manifest-url"] } : {}),
      urlHeaders: headers(flags["manifest-url-header"] ?? ""),
      urlCheckEvery: duration(flags, "http-check-frequency", 20_000),
    },
    eviction: {
      thresholds: parseThresholds({
        hard: flags["eviction-hard"] ?? usualHard,
        soft: flags["eviction-soft"],
        softGrace: flags["eviction-soft-grace-period"],
        minReclaim: flags["eviction-minimum-reclaim"],
      }),
      transitionMs: duration(flags, "eviction-pressure-transition-period", 300_000),
      maxPodGraceSeconds: whole(flags, "eviction-max-pod-grace-period", 0),
    },
    images: imageLimits(flags),
    logs: {
      ...usualRotation,
      maxBytes: bytes(flags, "container-log-max-size", usualRotation.maxBytes),
      maxFiles: files(flags),
    },
    shutdown: shutdown(flags),
    ...(flags["node-status-update-frequency"]
      ? { statusEvery: duration(flags, "node-status-update-frequency", 0) }
      : {}),
    maxPods: whole(flags, "max-pods", 110),
    reserved: reserved(flags),
    ...podPids(flags),
    parallelPulls: parallelPulls(flags),
    imageVerification: imageVerification(flags),
    unsafeSysctls: checkedPatterns(words(flags["allowed-unsafe-sysctls"])),
    shown: shownConfiguration(flags),
  };
}

function imageLimits(flags: Flags): ImageLimits {
  const high = whole(flags, "image-gc-high-threshold", 85);
  const low = whole(flags, "image-gc-low-threshold", 80);
  if (high > 100 || low > 100) throw new Fault("invalid", "image-gc thresholds are shares from 0 to 100");
  if (low >= high) {
    const message = `image-gc-low-threshold ${low} must be less than image-gc-high-threshold ${high}`;
    throw new Fault("invalid", message);
  }
  const minAge = duration(flags, "minimum-image-ttl-duration", 120_000);
  return { high, low, minAge, maxAge: duration(flags, "image-maximum-gc-age", 0) };
}

function files(flags: Flags): number {
  const count = whole(flags, "container-log-max-files", usualRotation.maxFiles);
  if (count < 2) throw new Fault("invalid", `container-log-max-files ${count} must be more than 1`);
  return count;
}

function shutdown(flags: Flags): NodeConfiguration["shutdown"] {
  const all = duration(flags, "shutdown-grace-period", 0);
  const critical = duration(flags, "shutdown-grace-period-critical-pods", 0);
  if (critical > all) {
    const message = "shutdown-grace-period-critical-pods must be at most shutdown-grace-period";
    throw new Fault("invalid", message);
  }
  return { all, critical };
}

/** What the system and the agent itself keep of the machine. */
function reserved(flags: Flags): NodeConfiguration["reserved"] {
  const all = ["system-reserved", "kube-reserved"].flatMap((name) =>
    (flags[name] ?? "")
      .split(",")
      .filter((pair) => pair.trim() !== "")
      .map((pair) => {
        const [resource = "", amount = ""] = pair.split("=").map((part) => part.trim());
        if (!["cpu", "memory", "ephemeral-storage", "pid"].includes(resource))
          throw new Fault("invalid", `${name}: cannot reserve ${JSON.stringify(resource)}`);
        return { resource, amount: quantity(name, amount) };
      }),
  );
  const of = (name: string) =>
    all.reduce((total, { resource, amount }) => (resource === name ? total + amount : total), 0);
  return { cpu: of("cpu"), memory: of("memory"), ephemeralStorage: of("ephemeral-storage") };
}

function podPids(flags: Flags): Pick<NodeConfiguration, "podPids"> {
  const text = flags["pod-max-pids"];
  return !text || text === "-1" ? {} : { podPids: whole(flags, "pod-max-pids", 0) };
}

function parallelPulls(flags: Flags): number {
  const most = whole(flags, "max-parallel-image-pulls", 5);
  if (most < 1) throw new Fault("invalid", "max-parallel-image-pulls must be greater than 0");
  const serial = flags["serialize-image-pulls"] ?? "false";
  if (serial !== "true" && serial !== "false")
    throw new Fault("invalid", `serialize-image-pulls is true or false, not ${JSON.stringify(serial)}`);
  if (serial === "true" && flags["max-parallel-image-pulls"] && most > 1)
    throw new Fault(
      "invalid",
      "max-parallel-image-pulls cannot be larger than 1 unless serialize-image-pulls is false",
    );
  return serial === "true" ? 1 : most;
}

function imageVerification(flags: Flags): Verification {
  const policy = flags["image-pull-credentials-verification-policy"] || "NeverVerifyPreloadedImages";
  const allowed = words(flags["preloaded-images-verification-allowlist"]);
  switch (policy) {
    case "NeverVerifyAllowlistedImages":
      return { policy, allowed };
    case "NeverVerify":
    case "NeverVerifyPreloadedImages":
    case "AlwaysVerify":
      if (allowed.length === 0) return { policy };
      throw new Fault("invalid", `preloaded-images-verification-allowlist means nothing with the policy ${policy}`);
    default:
      throw new Fault("invalid", `image-pull-credentials-verification-policy ${JSON.stringify(policy)} is not known`);
  }
}

function words(list: string | undefined): readonly string[] {
  return (list ?? "").split(",").filter((each) => each !== "");
}

function duration(flags: Flags, name: string, usual: number): number {
  const value = flags[name];
  if (!value) return usual;
  try {
    return Number(parseDuration(value) / 1_000_000n);
  } catch (error) {
    throw new Fault("invalid", `${name} ${JSON.stringify(value)} is no duration`, { cause: error });
  }
}

function whole(flags: Flags, name: string, usual: number): number {
  const value = flags[name];
  if (!value) return usual;
  if (!/^\d+$/.test(value)) throw new Fault("invalid", `${name} is a whole number, not ${JSON.stringify(value)}`);
  return Number(value);
}

function bytes(flags: Flags, name: string, usual: number): number {
  const value = flags[name];
  return value ? Math.ceil(quantity(name, value)) : usual;
}

function quantity(name: string, value: string): number {
  try {
    return quantityToNumber(value);
  } catch (error) {
    throw new Fault("invalid", `${name} ${JSON.stringify(value)} is no quantity`, { cause: error });
  }
}

/** `a:hello,b:again` */
function headers(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").filter((each) => each.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const colon = pair.indexOf(":");
      if (colon < 1) throw new Fault("invalid", `manifest-url-header ${JSON.stringify(pair)} is not name:value`);
      return [pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()];
    }),
  );
}
