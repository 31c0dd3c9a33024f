import { Fault } from "../lib/fault.ts";
import { depthLimit } from "./json-text.ts";
import { canonicalQuantity, quantityFault } from "./quantity.ts";
import { canonicalMicroTime, canonicalTime, formatDuration, parseDuration } from "./times.ts";
import type { EitherInfo, FieldInfo, ListInfo, MapInfo, ScalarName, StructInfo, TypeInfo } from "./type-info.ts";

/** What a decoder collects on its way. */
export interface DecodeContext {
  /** Paths of fields that the type does not know; undefined when nobody asks. */
  readonly unknown: string[] | undefined;
  depth: number;
}

/**
 * Turns a JSON value into the form that the type gives it. Never changes its argument, returns it as it is where nothing
 * needs changing. Undefined means: the zero value, leave it out where the field may be left out.
 */
export type Decode = (value: unknown, context: DecodeContext) => unknown;

/** Thrown without a place; the place is found afterwards, by walking again, since most values have no fault. */
export class Mismatch extends Fault {
  constructor(message: string) {
    super("invalid", message);
  }
}

const decoders = new WeakMap<TypeInfo, Decode>();
const zeros = new WeakMap<StructInfo, unknown>();

/** The decoder of a type, compiled on first use. */
export function decoderOf(type: TypeInfo): Decode {
  let decode = decoders.get(type);
  if (!decode) {
    decode = compile(type);
    decoders.set(type, decode);
  }
  return decode;
}

function compile(type: TypeInfo): Decode {
  switch (type.kind) {
    case "scalar":
      return scalarDecoders[type.scalar];
    case "list":
      return listDecoder(type);
    case "map":
      return mapDecoder(type);
    case "either":
      return eitherDecoder(type);
    case "struct": {
      if (type.decode) return type.decode;
      // Types contain themselves, so the plan is made when a first value comes.
      let decode: Decode = (value, context) => {
        decode = structDecoder(type);
        return decode(value, context);
      };
      return (value, context) => decode(value, context);
    }
  }
}

/** What Go prints for a value that was never set; undefined if that is nothing at all. */
export function zeroOf(type: TypeInfo, pointer = false): unknown {
  if (pointer || type.kind === "list" || type.kind === "map" || type.kind === "either") return null;
  if (type.kind === "scalar") return scalarZeros[type.scalar];
  let zero = zeros.get(type);
  if (zero === undefined) {
    zero = Object.freeze(decoderOf(type)({}, { unknown: undefined, depth: 0 }));
    zeros.set(type, zero);
  }
  return zero;
}

const scalarZeros: Readonly<Record<ScalarName, unknown>> = {
  string: "",
  bool: false,
  int32: 0,
  int64: 0,
  double: 0,
  byte: 0,
  bytes: null,
  quantity: "0",
  intOrString: 0,
  time: null,
  microTime: null,
  duration: "0s",
  raw: null,
  fieldsV1: null,
  any: null,
};

interface FieldPlan {
  readonly decode: Decode;
  /** Left out when empty, whatever "empty" means for its type. */
  readonly omit: boolean;
  /** An empty list or map is none at all: what went through protobuf, as Kubernetes' own kinds do, cannot tell the two apart. */
  readonly emptyIsZero: boolean;
  /** Stands for null, and for an absent field; undefined where that is left out. */
  readonly zero: () => unknown;
}

/** Scalars that Go holds in a struct, which `omitempty` does not omit. */
const structScalars = new Set<ScalarName>([
  "quantity",
  "intOrString",
  "time",
  "microTime",
  "duration",
  "raw",
  "fieldsV1",
]);

function planOf(field: FieldInfo): FieldPlan {
  const { type, pointer } = field;
  const isStruct =
    type.kind === "struct" || type.kind === "either" || (type.kind === "scalar" && structScalars.has(type.scalar));
  const omit = field.omitZero === true || (field.omitEmpty && (pointer || !isStruct));
  let zero: unknown;
  let made = omit;
  const makeZero = () => {
    if (!made) {
      zero = zeroOf(type, pointer);
      made = true;
    }
    return zero;
  };
  const emptyIsZero = !omit && !pointer && field.proto > 0 && (type.kind === "list" || type.kind === "map");
  return { decode: decoderOf(type), omit: omit && !pointer, emptyIsZero, zero: makeZero };
}

function structDecoder(type: StructInfo): Decode {
  const plans = new Map<string, FieldPlan>();
  const always: (readonly [name: string, plan: FieldPlan])[] = [];
  for (const [name, field] of type.fields) {
    const plan = planOf(field);
    plans.set(name, plan);
    const isStruct =
      field.type.kind === "struct" || (field.type.kind === "scalar" && structScalars.has(field.type.scalar));
    if (!field.omitZero && !(field.omitEmpty && (field.pointer || !isStruct))) always.push([name, plan]);
  }
  const { open, disabled } = type;

  return (value, context) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Mismatch("");
    if (++context.depth > depthLimit) throw new Mismatch("exceeded max depth");
    const given = value as Readonly<Record<string, unknown>>;
    let made = given as Record<string, unknown>;
    let dropped = false;
    for (const key in given) {
      const before = given[key];
      const plan = plans.get(key);
      let after: unknown;
      if (plan === undefined) {
        if (open) continue;
        if (context.unknown && !disabled?.has(key)) context.unknown.push(key);
      } else if (before === null || before === undefined) after = plan.zero();
      else {
        const known = context.unknown?.length;
        after = plan.decode(before, context);
        if (plan.omit && isEmpty(after)) after = undefined;
        else if (plan.emptyIsZero && isEmpty(after)) after = plan.zero();
        else if (after === undefined) after = plan.zero();
        if (known !== undefined && known !== context.unknown?.length) prefix(context.unknown, known, key);
      }
      if (after === before && after !== undefined) continue;
      if (made === given) made = { ...given };
      if (after === undefined) dropped = true;
      made[key] = after;
    }
    for (const [name, plan] of always) {
      if (made[name] !== undefined && Object.hasOwn(made, name)) continue;
      const zero = plan.zero();
      if (zero === undefined) continue;
      if (made === given) made = { ...given };
      made[name] = zero;
    }
    context.depth--;
    return dropped ? withoutUndefined(made) : made;
  };
}

/** Puts the step to a field or element before the paths that were found in it. */
function prefix(paths: string[] | undefined, from: number, step: string): void {
  if (!paths) return;
  for (let at = from; at < paths.length; at++) {
    const rest = paths[at] ?? "";
    paths[at] = rest.startsWith("[") ? `${step}${rest}` : `${step}.${rest}`;
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

/** A copy without the members that are undefined; deleting them would make the object slow for the rest of its life. */
function withoutUndefined(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const key in value) {
    const member = value[key];
    if (member === undefined) continue;
    if (key === "__proto__")
      Object.defineProperty(kept, key, { value: member, enumerable: true, configurable: true, writable: true });
    else kept[key] = member;
  }
  return kept;
}

function listDecoder(type: ListInfo): Decode {
  const decode = decoderOf(type.item);
  return (value, context) => {
    if (!Array.isArray(value)) throw new Mismatch("");
    let made: unknown[] | undefined;
    for (let index = 0; index < value.length; index++) {
      const before: unknown = value[index];
      const known = context.unknown?.length;
      const after =
        (before === null || before === undefined ? undefined : decode(before, context)) ?? zeroOf(type.item);
      if (known !== undefined && known !== context.unknown?.length) prefix(context.unknown, known, `[${index}]`);
      if (after === before) continue;
      made ??= value.slice();
      made[index] = after;
    }
    return made ?? value;
  };
}

function mapDecoder(type: MapInfo): Decode {
  const decode = decoderOf(type.value);
  // Bytes in a map have no way to be absent in protobuf.
  const zero = () => (type.value.kind === "scalar" && type.value.scalar === "bytes" ? "" : zeroOf(type.value));
  return (value, context) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Mismatch("");
    const given = value as Readonly<Record<string, unknown>>;
    let made: Record<string, unknown> | undefined;
    for (const key in given) {
      const before = given[key];
      const known = context.unknown?.length;
      const after = (before === null || before === undefined ? undefined : decode(before, context)) ?? zero();
      if (known !== undefined && known !== context.unknown?.length) prefix(context.unknown, known, key);
      if (after === before) continue;
      // The copy owns a `__proto__` member if the original does, so assigning to it cannot reach the prototype.
      made ??= { ...given };
      made[key] = after;
    }
    return made ?? value;
  };
}

function eitherDecoder(type: EitherInfo): Decode {
  const struct = decoderOf(type.struct);
  const strings = scalarDecoders.string;
  return (value, context) => {
    if (type.or === "bool" && typeof value === "boolean") return value;
    if (!Array.isArray(value)) return struct(value, context);
    if (type.or === "bool") throw new Mismatch("");
    return value.map((item, index) => {
      if (type.or === "strings") return strings(item, context) ?? "";
      const known = context.unknown?.length;
      const after = struct(item ?? {}, context);
      if (known !== undefined && known !== context.unknown?.length) prefix(context.unknown, known, `[${index}]`);
      return after;
    });
  };
}

const string: Decode = (value) => {
  if (typeof value !== "string") throw new Mismatch("");
  return value;
};

const integer =
  (low: number, high: number): Decode =>
  (value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) throw new Mismatch("");
    return value;
  };

/** Lets what a reader of text says through as the fault of the value. */
function reading(read: (text: string) => unknown): Decode {
  return (value) => {
    if (typeof value !== "string") throw new Mismatch("");
    try {
      return read(value);
    } catch (error) {
      if (error instanceof Fault) throw new Mismatch(error.message);
      throw error;
    }
  };
}

const scalarDecoders: Readonly<Record<ScalarName, Decode>> = {
  string,
  bool: (value) => {
    if (typeof value !== "boolean") throw new Mismatch("");
    return value;
  },
  int32: integer(-(2 ** 31), 2 ** 31 - 1),
  int64: integer(-(2 ** 63), 2 ** 63),
  byte: integer(0, 255),
  double: (value) => {
    if (typeof value !== "number") throw new Mismatch("");
    return value;
  },
  bytes: reading(canonicalBase64),
  quantity: (value) => {
    if (typeof value !== "string" && typeof value !== "number") {
      throw new Mismatch(quantityFault(JSON.stringify(value) ?? "") ?? "");
    }
    const text = typeof value === "string" ? value.trim() : String(value);
    try {
      return canonicalQuantity(text);
    } catch (error) {
      if (error instanceof Fault) throw new Mismatch(error.message);
      throw error;
    }
  },
  intOrString: (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= 2 ** 31) return value;
    throw new Mismatch(`json: cannot unmarshal ${describe(value)} into Go value of type int32`);
  },
  time: reading(canonicalTime),
  microTime: reading(canonicalMicroTime),
  duration: reading((text) => formatDuration(parseDuration(text))),
  raw: bounded,
  fieldsV1: bounded,
  any: bounded,
};

/** A value that is carried as it is, provided that those who walk it later survive its depth. */
function bounded(value: unknown): unknown {
  if (typeof value === "object" && value !== null && !shallower(value, depthLimit))
    throw new Mismatch("exceeded max depth");
  return value;
}

function shallower(value: object, limit: number): boolean {
  if (limit === 0) return false;
  for (const key in value) {
    const inner = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof inner === "object" && inner !== null && !shallower(inner, limit - 1)) return false;
  }
  return true;
}

const base64Form = /^[A-Za-z0-9+/]*={0,2}$/;

/** Base64 with its last bits zero and no line breaks. Throws `invalid` with the text that Go gives. */
function canonicalBase64(text: string): string {
  const clean = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, "") : text;
  if (!base64Form.test(clean) || clean.length % 4 !== 0) {
    const pad = clean.indexOf("=");
    const wrong = clean.search(/[^A-Za-z0-9+/=]/);
    const at = wrong >= 0 ? wrong : pad >= 0 && pad < clean.length - 2 ? pad : clean.length;
    throw new Fault("invalid", `illegal base64 data at input byte ${at}`);
  }
  if (!clean.endsWith("=")) return clean;
  const tail = Buffer.from(clean.slice(-4), "base64").toString("base64");
  return clean.endsWith(tail) ? clean : clean.slice(0, -4) + tail;
}

/** What Go calls a JSON value of the wrong type. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value;
}
