import type { StructInfo } from "../../machinery/type-info.ts";
import type { AnyObject } from "../../registry/resource.ts";

/**
 * Reads members of an object's metadata that differ from a known one by capitals only, as `Name`: the servers of 2016 did
 * so, and there is only one way to read them. Where the known one is there too, nothing is changed. Tells what was read.
 */
export function withoutCapitals(object: AnyObject, type: StructInfo, tell: (text: string) => void): AnyObject {
  const metadata: unknown = object.metadata;
  const fields = type.fields.get("metadata")?.type;
  if (typeof metadata !== "object" || metadata === null || fields?.kind !== "struct") return object;
  const strange = Object.keys(metadata).filter((name) => !fields.fields.has(name) && /[A-Z]/.test(name));
  if (strange.length === 0) return object;

  const known = new Map(Array.from(fields.fields.keys(), (name) => [name.toLowerCase(), name]));
  const renamed = new Map<string, string>();
  for (const name of strange) {
    const meant = known.get(name.toLowerCase());
    const free = meant !== undefined && !Object.hasOwn(metadata, meant) && ![...renamed.values()].includes(meant);
    if (free) renamed.set(name, meant);
  }
  if (renamed.size === 0) return object;
  for (const [name, meant] of renamed) tell(`metadata.${name} is read as metadata.${meant}: write it that way`);
  const entries = Object.entries(metadata).map(([name, value]) => [renamed.get(name) ?? name, value] as const);
  return { ...object, metadata: Object.fromEntries(entries) } as unknown as AnyObject;
}
