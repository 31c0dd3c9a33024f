import type { CelObjectType } from "./cel-type.ts";
import { escapeProperty } from "./escaping.ts";

/** Any value of the language. int is a bigint, double a number; int and uint are kept apart by CelUint. */
export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | CelUint
  | CelTimestamp
  | CelDuration
  | CelList
  | CelMap
  | CelOptional
  | CelTypeValue
  | CelOpaque;

/** A failed evaluation on its way to whoever absorbs it (`&&`, `||`, a comprehension) or to the caller. */
export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** What every step of an evaluation answers. */
export type CelOutcome = CelValue | CelError;

/** An unsigned integer of 64 bits. */
export class CelUint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** A moment, in nanoseconds since 1970-01-01T00:00:00Z. */
export class CelTimestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A span of time in nanoseconds. */
export class CelDuration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A value that may be absent. */
export class CelOptional {
  readonly value: CelValue | undefined;
  constructor(value?: CelValue) {
    this.value = value;
  }
  static readonly none = new CelOptional();
}

/** A type as a value, as `type(x)` answers. */
export class CelTypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A value of a library's own type, such as a quantity or an address. */
export abstract class CelOpaque {
  abstract readonly typeName: string;
  /** Equality among values of the same type. */
  abstract equals(other: CelOpaque): boolean;
  /** What `size` and the cost model take for its length, if it has one. */
  get costSize(): number {
    return 1;
  }
}

/** How two lists are compared and joined: in order, as sets, or as maps by keys. */
export type ListMerge = { readonly by: "set" } | { readonly by: "map"; readonly keys: readonly string[] };

/** A list; elements may be made when asked for. */
export abstract class CelList {
  abstract readonly size: number;
  /** The element at an index within bounds. */
  abstract at(index: number): CelOutcome;
  get merge(): ListMerge | undefined {
    return undefined;
  }
}

/** A list of values that exist already. */
export class ArrayList extends CelList {
  readonly items: readonly CelValue[];
  constructor(items: readonly CelValue[]) {
    super();
    this.items = items;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): CelOutcome {
    return this.items[index] as CelValue;
  }
}

/** The list a comprehension grows: appended to in place, seen by nothing else until the loop ends. */
export class GrowingList extends CelList {
  readonly items: CelValue[] = [];
  get size(): number {
    return this.items.length;
  }
  at(index: number): CelOutcome {
    return this.items[index] as CelValue;
  }
}

/** Two lists in one: joining costs nothing, however long they are. */
export class JoinedList extends CelList {
  readonly size: number;
  readonly #left: CelList;
  readonly #right: CelList;
  constructor(left: CelList, right: CelList) {
    super();
    this.#left = left;
    this.#right = right;
    this.size = left.size + right.size;
  }
  at(index: number): CelOutcome {
    return index < this.#left.size ? this.#left.at(index) : this.#right.at(index - this.#left.size);
  }
}

/** A map, or an object with fields. */
export abstract class CelMap {
  abstract readonly size: number;
  /** The value of a key, or undefined for one that is not there. */
  abstract get(key: CelValue): CelOutcome | undefined;
  abstract keys(): readonly CelValue[];
  /** The field behind a name in the source; for a map it is the key. */
  field(name: string): CelOutcome | undefined {
    return this.get(name);
  }
  /** The name of its type. */
  get typeName(): string {
    return "map";
  }
}

/** A map of values that exist already. */
export class EntryMap extends CelMap {
  readonly #entries = new Map<string | boolean | number | bigint, readonly [CelValue, CelValue]>();
  constructor(entries: Iterable<readonly [CelValue, CelValue]>) {
    super();
    for (const entry of entries) {
      const key = mapKey(entry[0]);
      if (key !== undefined) this.#entries.set(key, entry);
    }
  }
  get size(): number {
    return this.#entries.size;
  }
  get(key: CelValue): CelOutcome | undefined {
    const known = mapKey(key);
    return known === undefined ? undefined : this.#entries.get(known)?.[1];
  }
  keys(): readonly CelValue[] {
    return Array.from(this.#entries.values(), ([key]) => key);
  }
  /** Adds an entry in place; false if the key is there. Only for the map a comprehension grows. */
  insert(key: CelValue, value: CelValue): boolean {
    const known = mapKey(key);
    if (known === undefined || this.#entries.has(known)) return false;
    this.#entries.set(known, [key, value]);
    return true;
  }
}

/** One JavaScript key for all CEL keys that are equal, or undefined for what cannot be a key. Numbers of one worth are one. */
export function mapKey(key: CelValue): string | boolean | bigint | undefined {
  switch (typeof key) {
    case "string":
    case "boolean":
    case "bigint":
      return key;
    case "number":
      return Number.isInteger(key) ? BigInt(key) : undefined;
    default:
      return key instanceof CelUint ? key.value : undefined;
  }
}

/** An object whose fields are made when asked for, by JSON name; `field` takes names as sources write them. */
export class FieldsObject extends CelMap {
  readonly type: CelObjectType;
  readonly #read: (jsonName: string) => CelOutcome | undefined;
  readonly #list: () => readonly string[];
  #names: readonly string[] | undefined;
  constructor(type: CelObjectType, names: () => readonly string[], read: (jsonName: string) => CelOutcome | undefined) {
    super();
    this.type = type;
    this.#list = names;
    this.#read = read;
  }
  get size(): number {
    return this.keys().length;
  }
  get(key: CelValue): CelOutcome | undefined {
    return typeof key === "string" ? this.#read(key) : undefined;
  }
  keys(): readonly string[] {
    this.#names ??= this.#list();
    return this.#names;
  }
  override field(name: string): CelOutcome | undefined {
    const declared = this.type.field(name);
    return declared && this.#read(declared.jsonName);
  }
  override get typeName(): string {
    return this.type.name;
  }
}

/** The declared type of an object's field by its JSON name. */
export function fieldOf(type: CelObjectType, jsonName: string) {
  const escaped = escapeProperty(jsonName);
  return escaped === undefined ? undefined : type.field(escaped);
}

/** The name of a value's type at run time, as `type()` and messages show it. */
export function typeNameOf(value: CelValue): string {
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "string":
      return "string";
    default:
      return value === null ? "null_type" : objectTypeName(value);
  }
}

function objectTypeName(value: Exclude<CelValue, null | boolean | bigint | number | string>): string {
  if (value instanceof CelList) return "list";
  if (value instanceof CelMap) return value.typeName;
  if (value instanceof CelUint) return "uint";
  if (value instanceof CelTimestamp) return "google.protobuf.Timestamp";
  if (value instanceof CelDuration) return "google.protobuf.Duration";
  if (value instanceof CelOptional) return "optional_type";
  if (value instanceof CelTypeValue) return "type";
  return value instanceof CelOpaque ? value.typeName : "bytes";
}

/** The number of Unicode code points, which is what CEL calls a string's size. */
export function codePoints(text: string): number {
  let size = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(index + 1);
    if (next >= 0xdc00 && next <= 0xdfff) {
      size--;
      index++;
    }
  }
  return size;
}

/** What the cost model takes for a value's size; 1 for what has none. */
export function costSize(value: CelValue): number {
  if (typeof value === "string") return value.length;
  if (value instanceof CelList || value instanceof CelMap) return value.size;
  if (value instanceof Uint8Array) return value.length;
  return value instanceof CelOpaque ? value.costSize : 1;
}
