import { isDeepStrictEqual } from "node:util";
import { kinds } from "../../../src/api/kinds.ts";
import { lookupType } from "../../../src/api/type-info.ts";
import { Fault } from "../../../src/lib/fault.ts";
import { decodeJson, decodeValue } from "../../../src/machinery/codec-json.ts";
import { decodeProtobuf, encodeProtobuf } from "../../../src/machinery/codec-protobuf.ts";
import { encodeYaml, parseYaml, parseYamlDocuments } from "../../../src/machinery/codec-yaml.ts";
import { deepFreeze } from "../../../src/machinery/equality.ts";
import { parseFieldSelector } from "../../../src/machinery/field-selector.ts";
import { depthLimit, parseJson } from "../../../src/machinery/json-text.ts";
import { parseSelector, selectorOfObject } from "../../../src/machinery/labels.ts";
import { applyJsonPatch } from "../../../src/machinery/patch-json.ts";
import { applyMergePatch, createMergePatch } from "../../../src/machinery/patch-merge.ts";
import { applyStrategicPatch } from "../../../src/machinery/patch-strategic.ts";
import { addQuantities, canonicalQuantity, compareQuantities, parseQuantity } from "../../../src/machinery/quantity.ts";
import { StatusError } from "../../../src/machinery/status-error.ts";
import type { StructInfo } from "../../../src/machinery/type-info.ts";
import { yamlDuplicates } from "../../../src/machinery/yaml-duplicates.ts";
import { decodeContinue } from "../../../src/registry/continue-token.ts";
import { requestInfo } from "../../../src/server/request-info.ts";
import { anyText, anyValue, type Dice, damaged, typedValue } from "./random-values.ts";

/** One thing that is fuzzed: throws whatever it finds wrong. What its input deserves to be refused for, it swallows. */
export type Target = (dice: Dice) => void;

/** Runs what may refuse its input in the ways that refusing is done; gives undefined when it did. */
function refusing<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof StatusError) return undefined;
    if (error instanceof Fault && error.code === "invalid") return undefined;
    throw error;
  }
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${what}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

const types: readonly StructInfo[] = kinds.flatMap(({ declaration }) => {
  const names = [declaration.type, ...Object.values(declaration.versions ?? {}).map(({ type }) => type)];
  return names.flatMap((name) => lookupType(name) ?? []);
});

/** A value that a type's decoder has accepted, with kind and version. */
function decodedOf(dice: Dice, type: StructInfo): Record<string, unknown> | undefined {
  return refusing(() => decodeValue<Record<string, unknown>>(type, typedValue(dice, type)).object);
}

const json: Target = (dice) => {
  const text = anyJsonText(dice);
  const read = refusing(() => ({ value: parseJson(text) }));
  const known = quietly(() => ({ value: JSON.parse(text) as unknown }));
  if (read && !known) throw new Error(`read what is no JSON: ${JSON.stringify(text)}`);
  if (!read && known && text.length < 2 * depthLimit) throw new Error(`refused JSON: ${JSON.stringify(text)}`);
  const type = dice.one(types);
  const once = refusing(() => decodeJson(type, text, dice.one(["Ignore", "Warn", "Strict"])));
  if (once) same(`decoding ${type.name} twice`, decodeValue(type, once.object).object, once.object);
};

function anyJsonText(dice: Dice): string {
  const how = dice.below(10);
  if (how === 0) return "[".repeat(dice.below(20_000)) + "]".repeat(dice.below(20_000));
  if (how === 1) return `${'{"a":'.repeat(dice.below(5000))}1${"}".repeat(dice.below(5000))}`;
  if (how === 2) return Buffer.from(dice.random.bytes(dice.below(60))).toString();
  const text = JSON.stringify(dice.chance(0.5) ? typedValue(dice, dice.one(types)) : anyValue(dice)) ?? "";
  return how < 6 ? Buffer.from(damaged(dice, Buffer.from(text))).toString() : text;
}

const typed: Target = (dice) => {
  const type = dice.one(types);
  const value = deepFreeze(typedValue(dice, type));
  const once = refusing(() => decodeValue(type, value, "Warn"));
  if (once) same(`decoding ${type.name} twice`, decodeValue(type, once.object).object, once.object);
};

const protobuf: Target = (dice) => {
  const type = dice.one(types);
  const object = decodedOf(dice, type);
  if (!object) return;
  const bytes = refusing(() => encodeProtobuf(type, object));
  if (!bytes) return;
  const back = decodeProtobuf<Record<string, unknown>>(bytes, () => type);
  // A second way round shows that nothing wobbles; the first may settle what JSON writes more ways than one.
  const again = encodeProtobuf(type, back);
  same(
    `${type.name} by protobuf and back`,
    decodeProtobuf(again, () => type),
    back,
  );
  const broken = damaged(dice, bytes);
  const read = refusing(() => decodeProtobuf(broken, () => type));
  if (read) refusing(() => encodeProtobuf(type, read));
};

const yaml: Target = (dice) => {
  // A block at the very top counts its indentation in another way; objects never stand there.
  const value = { value: anyValue(dice) };
  const text = encodeYaml(value);
  same(`YAML ${JSON.stringify(text)}`, parseYaml(text), withoutNegativeZero(value));
  const broken = Buffer.from(damaged(dice, Buffer.from(text))).toString();
  refusing(() => parseYamlDocuments(broken));
  refusing(() => {
    parseYaml(broken);
    yamlDuplicates(broken);
  });
};

/** JSON and YAML write -0 as 0 in Kubernetes. */
function withoutNegativeZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

const selectorParts = [
  "a",
  "b.c/d",
  "=",
  "==",
  "!=",
  "!",
  " in ",
  " notin ",
  "(",
  ")",
  ",",
  " ",
  "x",
  ">",
  "<",
  "1",
  "é",
  "\\",
  "%",
];

const selectors: Target = (dice) => {
  const text = dice.chance(0.8) ? dice.many(14, () => dice.one(selectorParts)).join("") : anyText(dice);
  const labels = { a: "x", "b.c/d": "1", [anyText(dice)]: anyText(dice) };
  const selector = refusing(() => parseSelector(text));
  if (selector) {
    const again = parseSelector(String(selector));
    same(`selector ${text}`, again.matches(labels), selector.matches(labels));
  }
  const fields = refusing(() => parseFieldSelector(text));
  if (fields) same(`field selector ${text}`, String(parseFieldSelector(String(fields))), String(fields));
  const labelSelector = lookupType("meta/v1.LabelSelector")!;
  const object = refusing(() => decodeValue(labelSelector, typedValue(dice, labelSelector)).object);
  if (object) refusing(() => selectorOfObject(object)?.matches(labels));
};

const patches: Target = (dice) => {
  const type = dice.one(types);
  const before = deepFreeze(decodedOf(dice, type) ?? {});
  const after = decodedOf(dice, type) ?? {};
  const merged = applyMergePatch(before, createMergePatch(before, after) ?? {});
  same("a merge patch made of two values", noNulls(merged), noNulls(after));
  const patch = deepFreeze(patchOf(dice, typedValue(dice, type)));
  refusing(() => applyMergePatch(before, patch));
  refusing(() => applyStrategicPatch(type, before, patch));
  const steps = dice.many(6, () => ({
    op: dice.one(["add", "remove", "replace", "move", "copy", "test", anyText(dice)]),
    path: pointer(dice),
    from: pointer(dice),
    value: anyValue(dice, 2),
  }));
  refusing(() => applyJsonPatch(before, dice.chance(0.9) ? deepFreeze(steps) : anyValue(dice)));
};

/** Nulls are what a merge patch cannot write, and 0 and -0 are one number to it. */
function noNulls(value: unknown): unknown {
  if (value === 0) return 0;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  const made = {};
  for (const [name, member] of kept) {
    Object.defineProperty(made, name, { value: noNulls(member), enumerable: true, configurable: true, writable: true });
  }
  return made;
}

const directives = ["replace", "merge", "delete", "bogus"];

function patchOf(dice: Dice, value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => patchOf(dice, item));
    if (dice.chance(0.2)) items.push({ $patch: dice.one(directives), name: anyText(dice) });
    return items;
  }
  if (typeof value !== "object" || value === null) return dice.chance(0.1) ? null : value;
  const made: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (name === "__proto__") continue;
    made[name] = patchOf(dice, member);
    if (Array.isArray(member) && dice.chance(0.2)) made[`$setElementOrder/${name}`] = anyValue(dice, 2);
    if (Array.isArray(member) && dice.chance(0.2)) made[`$deleteFromPrimitiveList/${name}`] = anyValue(dice, 1);
  }
  if (dice.chance(0.1)) made.$patch = dice.one<unknown>([...directives, 5, null]);
  if (dice.chance(0.1)) made.$retainKeys = anyValue(dice, 1);
  return made;
}

const steps = [
  "metadata",
  "spec",
  "labels",
  "annotations",
  "0",
  "-",
  "-1",
  "1e3",
  "__proto__",
  "constructor",
  "a~1b",
  "~",
  "",
];

const pointer = (dice: Dice): unknown =>
  dice.chance(0.05) ? anyValue(dice, 1) : dice.many(5, () => `/${dice.one(steps)}`).join("");

const quantities: Target = (dice) => {
  const amounts = [
    "0",
    "1",
    "-1",
    "1.5",
    ".5",
    "5.",
    "1e3",
    "1E3",
    "1e-30",
    "12Ki",
    "1E",
    "100m",
    "1n",
    "0.1u",
    "9".repeat(30),
  ];
  const text = dice.chance(0.7) ? dice.one(amounts) + dice.one(["", "", "m", "Ki", "Ei", "e5", "k"]) : anyText(dice);
  const amount = refusing(() => parseQuantity(text));
  if (!amount) return;
  const canonical = canonicalQuantity(text);
  same(`quantity ${text}`, canonicalQuantity(canonical), canonical);
  const other = dice.one(amounts);
  same(`order of ${text} and ${other}`, compareQuantities(text, other) + compareQuantities(other, text) || 0, 0);
  addQuantities(text, other);
};

const requests: Target = (dice) => {
  const pieces = [
    "api",
    "apis",
    "v1",
    "apps",
    "namespaces",
    "pods",
    "watch",
    "",
    "..",
    "%2e%2e",
    "%",
    "%zz",
    "status",
    "x?y",
    "%00",
  ];
  const target = dice.many(9, () => `/${dice.chance(0.9) ? dice.one(pieces) : anyText(dice)}`).join("");
  const query = dice.chance(0.5) ? `?${dice.one(["watch=1", "fieldSelector=metadata.name=x", anyText(dice)])}` : "";
  requestInfo(dice.one(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", anyText(dice)]), target + query);
  const token = dice.chance(0.5)
    ? anyText(dice)
    : Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: anyValue(dice, 0), start: anyValue(dice, 0) })).toString(
        "base64url",
      );
  refusing(() => decodeContinue(token));
};

function quietly<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

/** Everything that reads what strangers send, by name. */
export const targets: Readonly<Record<string, Target>> = {
  json,
  typed,
  protobuf,
  yaml,
  selectors,
  patches,
  quantities,
  requests,
};
