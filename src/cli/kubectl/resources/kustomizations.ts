import { readFileSync, realpathSync, statSync } from "node:fs";
import { type BuildOptions, buildKustomization } from "../../../kustomize/build.ts";
import type { Files } from "../../../kustomize/files.ts";
import type { Members } from "../../../kustomize/identity.ts";
import { faultCode } from "../../../lib/fault.ts";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";

/** The machine's own files. */
const localFiles: Files = {
  kind(path) {
    const found = statSync(path, { throwIfNoEntry: false });
    return found ? (found.isDirectory() ? "folder" : "file") : undefined;
  },
  real: (path) => realpathSync(path),
  read: (path) => readFileSync(path),
};

/** Builds the kustomization of a folder; what is out of date in it is told on stderr. Throws CommandError. */
export function kustomized(
  path: string,
  host: Host,
  options: Pick<BuildOptions, "unrestricted"> = {},
): readonly Members[] {
  const warn = (text: string) => host.stderr.write(`${text}\n`);
  try {
    return buildKustomization(path, { files: localFiles, cwd: host.cwd, warn, ...options });
  } catch (error) {
    if (faultCode(error) === undefined) throw error;
    throw new CommandError((error as Error).message);
  }
}
