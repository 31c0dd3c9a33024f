import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { errorMessage } from "../../../lib/fault.ts";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";
import type { Preference } from "./preference.ts";

/** Where preferences are; `explicit` says that somebody named the file. */
export interface KubercPlace {
  readonly path: string;
  readonly explicit: boolean;
}

/** The file that `--kuberc` names, or $KUBERC, or the usual one; undefined with KUBERC=off. Throws Error. */
export function kubercPlace(named: string, { env, cwd }: Pick<Host, "env" | "cwd">): KubercPlace | undefined {
  if (env.KUBERC === "off") {
    if (named) throw new Error("disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive");
    return undefined;
  }
  const path = named || env.KUBERC;
  if (path) return { path: resolve(cwd, path), explicit: true };
  return { path: join(env.HOME ?? homedir(), ".kube", "kuberc"), explicit: false };
}

/** The fault of preferences that cannot be followed. */
export function preferencesError(message: string): CommandError {
  return new CommandError(`error occurred while applying preferences ${message}`, { verbatim: true });
}

/** The preferences that hold for a command line; undefined is none. What is merely odd is told on stderr. Throws CommandError. */
export async function preferencesOf(words: readonly string[], host: Host): Promise<Preference | undefined> {
  if (words.length === 0 || host.env.KUBECTL_KUBERC?.toLowerCase() === "false") return undefined;
  const named = namedIn(words);
  let place: KubercPlace | undefined;
  try {
    place = kubercPlace(named, host);
  } catch (error) {
    throw preferencesError(`kuberc error ${errorMessage(error)}`);
  }
  if (!place || (!place.explicit && !existsSync(place.path))) return undefined;
  const { path, explicit } = place;
  const { preferenceProblem, readPreference } = await import("./preference.ts");
  let preference: Preference | undefined;
  try {
    const read = readPreference(readKuberc(path), path);
    if (read?.unknown) host.stderr.write(`kuberc: ignoring strict decoding error in ${path}: ${read.unknown}\n`);
    preference = read?.preference;
  } catch (error) {
    if (explicit) throw preferencesError(`kuberc error kuberc: ${errorMessage(error)}`);
    host.stderr.write(`kuberc: no preferences loaded from ${path}: ${errorMessage(error)}\n`);
  }
  if (!preference) return undefined;
  const problem = preferenceProblem(preference);
  if (problem) throw preferencesError(problem);
  return preference;
}

/** The file's text. Throws Error in the words of upstream. */
export function readKuberc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why: Readonly<Record<string, string>> = {
      ENOENT: "no such file or directory",
      EACCES: "permission denied",
    };
    if (code === "EISDIR") throw new Error(`read ${path}: is a directory`);
    throw new Error(`open ${path}: ${why[code ?? ""] ?? errorMessage(error)}`);
  }
}

/** What `--kuberc` says, which counts before any other flag is read. */
function namedIn(words: readonly string[]): string {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  const at = own.findIndex((word) => word === "--kuberc" || word.startsWith("--kuberc="));
  if (at < 0) return "";
  const named = own[at] === "--kuberc" ? words[at + 1] : own[at]!.slice("--kuberc=".length);
  if (!named) throw preferencesError("kuberc file is not found");
  return named;
}
