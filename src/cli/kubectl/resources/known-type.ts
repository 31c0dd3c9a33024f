import { lookupType } from "../../../api/type-info.ts";
import type { StructInfo } from "../../../machinery/type-info.ts";

/**
 * The fields of a built-in type, undefined for custom resources. Loads the tables of the whole API: only commands that
 * merge by type may import this.
 */
export function knownType(apiVersion: string, kind: string): StructInfo | undefined {
  const [group = "", version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  const found = lookupType(`${group.split(".")[0]}/${version}.${kind}`);
  return found?.kind === "struct" ? found : undefined;
}
