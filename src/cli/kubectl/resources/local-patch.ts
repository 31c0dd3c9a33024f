import { applyJsonPatch } from "../../../machinery/patch-json.ts";
import { applyMergePatch } from "../../../machinery/patch-merge.ts";
import { applyStrategicPatch } from "../../../machinery/patch-strategic.ts";
import { CommandError } from "../messages.ts";
import { knownType } from "./known-type.ts";
import type { AnyObject } from "./resource-info.ts";

export type PatchForm = "json" | "merge" | "strategic";

/** The object as the patch makes it, without asking a server. Throws CommandError, StatusError. */
export function patchedLocally(object: AnyObject, patch: unknown, form: PatchForm): AnyObject {
  if (form === "json") return applyJsonPatch(object, patch) as AnyObject;
  if (form === "merge") return applyMergePatch(object, patch) as AnyObject;
  const type = knownType(object.apiVersion, object.kind);
  if (!type) throw new CommandError(`no strategic merge patch for ${object.kind}: its type is not known`);
  return applyStrategicPatch(type, object, patch) as AnyObject;
}
