import type { CelListType, CelObjectType, CelType } from "./cel-type.ts";
import { dyn, typeName } from "./cel-type.ts";
import { durationText, parseDuration, parseTimestamp, timestampText } from "./time.ts";
import {
  CelDuration,
  CelError,
  CelList,
  CelMap,
  CelOptional,
  type CelOutcome,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  FieldsObject,
  fieldOf,
  type ListMerge,
} from "./value.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** A value of the language made of JSON, read as its declared type; CEL values pass unchanged. Parts are read when asked for. */
export function fromJson(json: unknown, type: CelType): CelOutcome {
  if (type.kind === "optional") return fromOptional(json, type.element);
  if (json === null || json === undefined) return null;
  if (Array.isArray(json)) return fromArray(json, type);
  switch (typeof json) {
    case "string":
      return fromText(json, type);
    case "number":
      return fromNumber(json, type);
    case "boolean":
      return fits(json, type, "bool");
    case "object":
      return isPlain(json) ? fromObject(json, type) : (json as CelValue);
    default:
      return json as CelValue;
  }
}

/** Absence is JSON's null. */
function fromOptional(json: unknown, type: CelType): CelOutcome {
  if (json === null || json === undefined) return CelOptional.none;
  if (json instanceof CelOptional) return json;
  const value = fromJson(json, type);
  return value instanceof CelError ? value : new CelOptional(value);
}

function isPlain(json: object): json is JsonObject {
  const prototype = Object.getPrototypeOf(json);
  return prototype === Object.prototype || prototype === null;
}

function mismatch(type: CelType, found: string): CelError {
  return new CelError(`invalid data, expected ${typeName(type)}, got ${found}`);
}

function fits(value: CelValue, type: CelType, kind: CelType["kind"]): CelOutcome {
  return type.kind === kind || type.kind === "dyn" ? value : mismatch(type, kind);
}

function fromNumber(json: number, type: CelType): CelOutcome {
  const whole = Number.isInteger(json);
  switch (type.kind) {
    case "double":
      return json;
    case "int":
      return whole ? BigInt(json) : mismatch(type, "double");
    case "uint":
      return whole && json >= 0 ? new CelUint(BigInt(json)) : mismatch(type, "double");
    default:
      return fits(whole ? BigInt(json) : json, type, whole ? "int" : "double");
  }
}

function fromText(json: string, type: CelType): CelOutcome {
  switch (type.kind) {
    case "timestamp":
      return parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(json) ? `${json}T00:00:00Z` : json);
    case "duration":
      return parseDuration(json);
    case "bytes":
      return new Uint8Array(Buffer.from(json, "base64"));
    default:
      return fits(json, type, "string");
  }
}

function fromArray(json: readonly unknown[], type: CelType): CelOutcome {
  if (type.kind === "list") return new JsonList(json, type.element, type.merge);
  return fits(new JsonList(json, dyn), type, "list");
}

/**
 * Parts that were read already. Only those that take work to read are kept, so that an expression which reads one again
 * and again works no more than it pays for.
 */
class Parts<Key> {
  readonly #known = new Map<Key, CelOutcome>();

  read(key: Key, json: unknown, type: CelType): CelOutcome {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = fromJson(json, type);
    if (typeof value === "object" && value !== null) this.#known.set(key, value);
    return value;
  }
}

class JsonList extends CelList {
  readonly #parts = new Parts<number>();
  readonly #json: readonly unknown[];
  readonly #element: CelType;
  readonly #merge: CelListType["merge"];
  constructor(json: readonly unknown[], element: CelType, merge?: ListMerge) {
    super();
    this.#json = json;
    this.#element = element;
    this.#merge = merge;
  }
  get size(): number {
    return this.#json.length;
  }
  at(index: number): CelOutcome {
    return this.#parts.read(index, this.#json[index], this.#element);
  }
  override get merge(): ListMerge | undefined {
    return this.#merge;
  }
}

class JsonMap extends CelMap {
  readonly #parts = new Parts<string>();
  readonly #json: JsonObject;
  readonly #value: CelType;
  #keys: readonly string[] | undefined;
  constructor(json: JsonObject, value: CelType) {
    super();
    this.#json = json;
    this.#value = value;
  }
  get size(): number {
    return this.keys().length;
  }
  get(key: CelValue): CelOutcome | undefined {
    return typeof key === "string" && Object.hasOwn(this.#json, key)
      ? this.#parts.read(key, this.#json[key], this.#value)
      : undefined;
  }
  keys(): readonly string[] {
    this.#keys ??= Object.keys(this.#json);
    return this.#keys;
  }
}

function fromObject(json: JsonObject, type: CelType): CelOutcome {
  switch (type.kind) {
    case "map":
      return new JsonMap(json, type.value);
    case "dyn":
      return new JsonMap(json, dyn);
    case "object":
      return readFields(json, type);
    default:
      return mismatch(type, "map");
  }
}

function readFields(json: JsonObject, type: CelObjectType): FieldsObject {
  const parts = new Parts<string>();
  const names = () => Object.keys(json);
  return new FieldsObject(type, names, (name) =>
    Object.hasOwn(json, name) && json[name] !== undefined
      ? parts.read(name, json[name], fieldOf(type, name)?.type ?? dyn)
      : undefined,
  );
}

/**
 * JSON of a value: ints as numbers, bytes as base64, times and durations as text, absent optionals as nothing. Answers
 * a CelError for what JSON cannot hold, and for more than `limit` parts (values that share parts grow when written).
 */
export function toJson(value: CelValue, limit = 1_000_000): unknown {
  let parts = 0;
  const write = (part: CelOutcome): unknown => {
    if (part instanceof CelError) throw part;
    if (++parts > limit) throw new CelError(`value has more than ${limit} parts`);
    if (typeof part === "bigint") return Number(part);
    if (part === null || typeof part !== "object") return part;
    if (part instanceof CelList)
      return Array.from({ length: Math.min(part.size, limit + 1) }, (_, index) => write(part.at(index)));
    if (part instanceof CelMap) return writeMap(part);
    if (part instanceof CelOptional) return part.value === undefined ? null : write(part.value);
    return writeScalar(part);
  };
  const writeMap = (map: CelMap): unknown =>
    Object.fromEntries(
      map.keys().map((key) => [String(key instanceof CelUint ? key.value : key), write(map.get(key) ?? null)]),
    );
  try {
    return write(value);
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

function writeScalar(value: object): unknown {
  if (value instanceof CelUint) return Number(value.value);
  if (value instanceof CelTimestamp) return timestampText(value);
  if (value instanceof CelDuration) return durationText(value);
  if (value instanceof CelTypeValue) return value.name;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  throw new CelError("unsupported conversion to JSON");
}

/** Fields that are worked out when asked for, once each: an object such as a policy's `variables`. */
export function lazyFields(type: CelObjectType, fields: Readonly<Record<string, () => unknown>>): CelValue {
  const known = new Map<string, CelOutcome>();
  return new FieldsObject(
    type,
    () => Object.keys(fields),
    (name) => {
      const resolve = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (!resolve) return undefined;
      const found = known.get(name);
      if (found !== undefined) return found;
      const resolved = resolve();
      const value = resolved instanceof CelError ? resolved : fromJson(resolved, type.field(name)?.type ?? dyn);
      known.set(name, value);
      return value;
    },
  );
}
