import { kubeletFlagsOf } from "../node/kubelet-file.ts";
import type { Flags } from "./part-flags.ts";
import { userFile } from "./user-file.ts";

/**
 * A kubelet's flags with what its configuration file (`config`) says; a flag counts for more. `unused` are the file's fields that
 * have no effect here. Throws Fault `invalid` for a file that cannot be read or meant.
 */
export function withKubeletFile(flags: Flags): { readonly flags: Flags; readonly unused: readonly string[] } {
  if (!flags.config) return { flags, unused: [] };
  const file = kubeletFlagsOf(userFile(flags.config));
  return { flags: { ...file.flags, ...flags }, unused: file.unused };
}
