import { Fault } from "../lib/fault.ts";
import { parseDuration } from "../machinery/times.ts";
import type { ManifestSettings } from "./static-pods/manifest-sources.ts";

/** What a node's administrator may choose, as the kubelet's flags. Times in ms. */
export interface NodeConfiguration {
  readonly manifests: ManifestSettings;
}

type Flags = Readonly<Record<string, string>>;

/** The kubelet's flags that a node takes. */
export const nodeConfigurationFlags: readonly string[] = [
  "file-check-frequency",
  "http-check-frequency",
  "manifest-url",
  "manifest-url-header",
  "pod-manifest-path",
];

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
  };
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
