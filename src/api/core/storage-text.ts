import type * as core from "../generated/core-v1.ts";

const short: Readonly<Record<core.PersistentVolumeAccessMode, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

/** Access modes as `kubectl` abbreviates them, in a fixed order: `RWO,ROX,RWX,RWOP`. */
export function accessModesText(modes: readonly core.PersistentVolumeAccessMode[] | undefined): string {
  return Object.entries(short)
    .filter(([mode]) => modes?.some((other) => other === mode))
    .map(([, text]) => text)
    .join(",");
}
