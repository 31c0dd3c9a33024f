import { errorMessage } from "../../../../lib/fault.ts";
import { CommandError } from "../../messages.ts";
import { kubercPlace } from "../../preferences/kuberc-file.ts";
import { noPreference, type Preference, readPreference } from "../../preferences/preference.ts";
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

/** The preferences of a text, none of an empty one. Throws CommandError. */
export function parsedKuberc(text: string, path: string): Preference {
  try {
    return readPreference(text, path)?.preference ?? noPreference;
  } catch (error) {
    throw new CommandError(`error parsing kuberc file: ${errorMessage(error)}`);
  }
}
