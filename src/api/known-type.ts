import type { StructInfo } from "../machinery/type-info.ts";
import { lookupType } from "./type-info.ts";

/** The fields of a built-in type by what its manifests say; undefined for custom resources. */
export function knownType(apiVersion: string, kind: string): StructInfo | undefined {
  const [group = "", version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  const found = lookupType(`${group.split(".")[0]}/${version}.${kind}`);
  return found?.kind === "struct" ? found : undefined;
}
