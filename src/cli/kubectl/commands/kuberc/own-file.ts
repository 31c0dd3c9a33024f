import { errorMessage } from "../../../../lib/fault.ts";
import { parsePlainYamlDocuments } from "../../../../machinery/codec-yaml.ts";
import { CommandError } from "../../messages.ts";
import { kubercPlace } from "../../preferences/kuberc-file.ts";
import { type Preference, preferenceVersion } from "../../preferences/preference.ts";
import type { Session } from "../../session.ts";

/** The file that the commands about preferences work on. Throws CommandError. */
export function ownKuberc({ globals, host }: Session): string {
  let path: string | undefined;
  try {
    path = kubercPlace(globals.kuberc, host)?.path;
  } catch (error) {
    throw new CommandError(errorMessage(error));
  }
  if (!path) throw new CommandError("KUBERC is disabled via KUBERC=off environment variable");
  return path;
}

/** The preferences of a text, none of an empty one; unlike what follows them, this takes any version. Throws CommandError. */
export function parsedKuberc(text: string): Preference {
  try {
    const [value] = parsePlainYamlDocuments(text);
    if (value !== undefined && (typeof value !== "object" || Array.isArray(value))) {
      throw new Error("the document is no object");
    }
    const read = (value ?? {}) as Partial<Preference>;
    const { kind = "Preference", apiVersion = preferenceVersion, defaults = null, aliases = null, ...more } = read;
    return { kind, apiVersion, defaults, aliases, ...more };
  } catch (error) {
    throw new CommandError(`error parsing kuberc file: ${errorMessage(error)}`);
  }
}
