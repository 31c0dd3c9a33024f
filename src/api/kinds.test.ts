import { describe, expect, it } from "vitest";
import { decodeValue } from "../machinery/codec-json.ts";
import { deepFreeze } from "../machinery/equality.ts";
import type { KubeObject } from "../machinery/object.ts";
import { kinds, subresourceKinds } from "./kinds.ts";
import { lookupType } from "./type-info.ts";

const now = Date.parse("2020-01-02T00:00:00Z");
const metadata = { name: "x", namespace: "default", uid: "u", creationTimestamp: "2020-01-01T00:00:00Z" };

function decoded(type: string, apiVersion: string): KubeObject {
  const info = lookupType(type);
  if (!info) throw new Error(`no type ${type}`);
  const kind = type.slice(type.lastIndexOf(".") + 1);
  return deepFreeze(decodeValue<KubeObject>(info, { apiVersion, kind, metadata }).object);
}

describe("every kind", () => {
  it("has a type of its own and a plural that no other kind of its group has", () => {
    const places = kinds.map(({ group, plural }) => `${group}/${plural}`);
    expect(new Set(places).size).toBe(places.length);
    for (const { declaration } of [...kinds, ...subresourceKinds]) expect(lookupType(declaration.type)).toBeDefined();
  });

  it("gives its other versions types that exist", () => {
    for (const { declaration } of kinds) {
      for (const { type } of Object.values(declaration.versions ?? {})) expect(lookupType(type), type).toBeDefined();
    }
  });

  it.each(
    kinds.map((kind) => [kind.declaration.type, kind] as const),
  )("%s finds faults in an object with nothing in it, and shows it in a table, without a fault of its own", (type, {
    declaration,
    apiVersion,
  }) => {
    const given = decoded(type, apiVersion);
    const defaulted = deepFreeze(declaration.defaults?.(given) ?? given);
    const made = deepFreeze(declaration.prepareCreate?.(defaulted) ?? defaulted);
    const next = deepFreeze(declaration.prepareUpdate?.(defaulted, made) ?? made);
    expect(Array.isArray(declaration.validate?.(made) ?? [])).toBe(true);
    expect(Array.isArray(declaration.validateUpdate?.(next, made) ?? [])).toBe(true);
    expect(Array.isArray(declaration.validateStatus?.(made, made) ?? [])).toBe(true);
    for (const column of declaration.columns ?? []) {
      expect(column.of(made, { now }), `${type} ${column.name}`).toBeDefined();
    }
    for (const [label, of] of Object.entries(declaration.fields ?? {})) expect(typeof of(made), label).toBe("string");
  });

  it.each(
    kinds.map((kind) => [kind.declaration.type, kind] as const),
  )("%s is made in the form that it is sent in, with all that Go would print", (type, { declaration, apiVersion }) => {
    const given = decoded(type, apiVersion);
    const defaulted = declaration.defaults?.(given) ?? given;
    const made = declaration.prepareCreate?.(defaulted) ?? defaulted;
    const info = lookupType(type);
    expect(info && decodeValue(info, made).object).toEqual(made);
  });

  it.each(
    kinds.filter(({ declaration }) => declaration.defaults).map((kind) => [kind.declaration.type, kind] as const),
  )("%s gets nothing more from defaults that it has got already", (type, { declaration, apiVersion }) => {
    const once = declaration.defaults?.(decoded(type, apiVersion));
    expect(once && declaration.defaults?.(once)).toEqual(once);
  });

  it.each(
    kinds.flatMap((kind) =>
      Object.entries(kind.declaration.versions ?? {}).map(
        ([name, mapping]) =>
          [mapping.plural ? name.replace(`/${mapping.plural}`, "") : name, kind.kind, mapping] as const,
      ),
    ),
  )("%s %s comes back from the stored version as it was sent", (apiVersion, _kind, mapping) => {
    const given = decoded(mapping.type, apiVersion);
    const sent = deepFreeze(mapping.defaults?.(given) ?? given);
    expect(mapping.fromStored(deepFreeze(mapping.toStored(sent)))).toEqual(sent);
  });
});
