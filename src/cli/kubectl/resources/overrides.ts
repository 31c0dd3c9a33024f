import { parseYaml } from "../../../machinery/codec-yaml.ts";
import { CommandError } from "../messages.ts";
import { type PatchForm, patchedLocally } from "./local-patch.ts";
import type { AnyObject } from "./resource-info.ts";

/** The object with `--overrides` put into it in the way that `--override-type` names. Throws CommandError. */
export function withOverrides(object: AnyObject, written: string, form: string): AnyObject {
  if (form !== "json" && form !== "merge" && form !== "strategic") {
    throw new CommandError(`invalid override type: ${form}`);
  }
  return patchedLocally(object, parseYaml(written), form satisfies PatchForm);
}
