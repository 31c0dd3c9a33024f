import { Fault } from "../lib/fault.ts";
import type { Authored } from "./authored.ts";
import { encodeStored, type Held, toServed } from "./held.ts";
import type { AnyObject, Resource, Served } from "./resource.ts";

/** Makes objects ready to be read in a version, where that needs somebody outside. Throws what the conversion throws. */
export async function ready(held: readonly Held[], served: Served): Promise<void> {
  const convert = served.mapping?.convert;
  if (!convert) return;
  const missing = held.filter((one) => !one.isReady(served));
  if (missing.length === 0) return;
  const converted = await convert(
    missing.map(({ object }) => object),
    "fromStored",
  );
  for (const [index, one] of missing.entries()) one.keep(served, converted[index] as AnyObject);
}

interface StoredBytes {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly previous?: Uint8Array | null | undefined;
}

/**
 * Converts what was stored in other versions, where that needs somebody outside, so that reading it later need not wait.
 * Throws what the conversion throws.
 */
export async function prepareStored(
  resource: Resource,
  authored: Authored,
  entries: readonly StoredBytes[],
): Promise<void> {
  if (!resource.convertsOutside) return;
  const { head } = resource.stored;
  const waiting = new Map<Served, { readonly key: string; readonly bytes: Uint8Array; readonly object: AnyObject }[]>();
  for (const { key, value, previous } of entries) {
    for (const bytes of [value, previous]) {
      if (!bytes || authored.knows(bytes) || Buffer.compare(bytes.subarray(0, head.length), head) === 0) continue;
      const object = JSON.parse(Buffer.from(bytes).toString()) as AnyObject;
      const version = resource.versions.get(object.apiVersion);
      if (!version?.mapping?.convert) continue;
      waiting.set(version, [...(waiting.get(version) ?? []), { key, bytes, object }]);
    }
  }
  for (const [{ mapping }, list] of waiting) {
    const converted = (await mapping?.convert?.(
      list.map(({ object }) => object),
      "toStored",
    )) as readonly AnyObject[];
    for (const [index, { key, bytes }] of list.entries()) {
      const object = converted[index];
      if (!object) throw new Fault("internal", `${key} was not converted`);
      authored.add(bytes, { resource, key, object, tail: encodeStored(resource, object).tail });
    }
  }
}

/** An object of the stored version as it looks in another, where the conversion may need somebody outside. */
export async function convertToServed(object: AnyObject, served: Served): Promise<AnyObject> {
  const convert = served.mapping?.convert;
  if (!convert) return toServed(object, served);
  const [converted] = await convert([object], "fromStored");
  if (!converted) throw new Fault("internal", "the conversion gave no object");
  return converted as AnyObject;
}
