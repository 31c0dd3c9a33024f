import { parseJson } from "./json-text.ts";
import { delimited, fixed64, ProtobufReader, varint } from "./protobuf-wire.ts";
import { formatDuration, formatMicro, formatSeconds } from "./times.ts";
import type { EitherInfo, FieldInfo, ScalarName, StructInfo, TypeInfo } from "./type-info.ts";

/** Reads a value where its content begins. */
interface Decoding {
  readonly wire: number;
  readonly read: (reader: ProtobufReader) => unknown;
}

type Made = Record<string, unknown>;
type ReadField = (made: Made, reader: ProtobufReader, wire: number) => void;

const messages = new WeakMap<StructInfo, ReadonlyMap<number, ReadField>>();

/** Reads a struct's message into `made`, member by member as JSON names them. Members that are not there stay absent. */
export function readMessage(type: StructInfo, bytes: Uint8Array, made: Made = {}): Made {
  let fields = messages.get(type);
  if (!fields) {
    fields = new Map(
      type.members.filter(({ proto }) => proto > 0).map((field) => [field.proto, fieldReader(type, field)]),
    );
    messages.set(type, fields);
  }
  const reader = new ProtobufReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    const read = fields.get(Math.floor(tag / 8));
    if (read) read(made, reader, tag % 8);
    else reader.skip(tag % 8);
  }
  return made;
}

/** Fields whose list is a message of its own in protobuf. */
const listMessages = new Set(["meta/v1.APIResource.verbs"]);

function fieldReader(owner: StructInfo, field: FieldInfo): ReadField {
  const { name, type } = field;
  if (field.inline) {
    return (made, reader) => {
      readMessage(type as StructInfo, reader.bytes(), made);
    };
  }
  if (type.kind === "list" && !listMessages.has(`${owner.name}.${name}`)) {
    const item = decodingOf(type.item);
    return (made, reader, wire) => {
      made[name] ??= [];
      const list = made[name] as unknown[];
      if (wire === delimited && item.wire !== delimited) {
        const packed = new ProtobufReader(reader.bytes());
        while (!packed.done) list.push(item.read(packed));
      } else if (wire === item.wire) list.push(item.read(reader));
      else reader.skip(wire);
    };
  }
  if (type.kind === "map") {
    const value = decodingOf(type.value);
    return (made, reader) => {
      made[name] ??= {};
      const [key, member] = readEntry(value, reader.bytes());
      Object.defineProperty(made[name], key, { value: member, enumerable: true, configurable: true, writable: true });
    };
  }
  const decoding = decodingOf(type);
  return (made, reader, wire) => {
    if (wire === decoding.wire) made[name] = decoding.read(reader);
    else reader.skip(wire);
  };
}

function readEntry(value: Decoding, bytes: Uint8Array): readonly [key: string, value: unknown] {
  const reader = new ProtobufReader(bytes);
  let key = "";
  let member: unknown = null;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 8 + delimited) key = reader.string();
    else if (tag === 2 * 8 + value.wire) member = value.read(reader);
    else reader.skip(tag % 8);
  }
  return [key, member];
}

function decodingOf(type: TypeInfo): Decoding {
  switch (type.kind) {
    case "scalar":
      return scalarDecodings[type.scalar];
    case "struct":
      return { wire: delimited, read: (reader) => readMessage(type, reader.bytes()) };
    case "list": {
      const item = decodingOf(type.item);
      return { wire: delimited, read: (reader) => collect(reader.bytes(), 1, item) };
    }
    case "either":
      return { wire: delimited, read: (reader) => readEither(type, reader.bytes()) };
    case "map":
      throw new TypeError("a map of maps has no protobuf form");
  }
}

function collect(bytes: Uint8Array, proto: number, item: Decoding): readonly unknown[] {
  const reader = new ProtobufReader(bytes);
  const found: unknown[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === proto * 8 + item.wire) found.push(item.read(reader));
    else reader.skip(tag % 8);
  }
  return found;
}

function readEither(type: EitherInfo, bytes: Uint8Array): unknown {
  const struct = decodingOf(type.struct);
  if (type.or === "bool") {
    const [schema] = collect(bytes, 2, struct);
    return schema ?? collect(bytes, 1, scalarDecodings.bool)[0] ?? false;
  }
  const [schema] = collect(bytes, 1, struct);
  return schema ?? collect(bytes, 2, type.or === "strings" ? scalarDecodings.string : struct);
}

const integer: Decoding = { wire: varint, read: (reader) => reader.int() };

/** The numbered whole numbers of a small message. */
function numbers(bytes: Uint8Array): readonly [first: number, second: number] {
  const reader = new ProtobufReader(bytes);
  let first = 0;
  let second = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 8 + varint) first = reader.int();
    else if (tag === 16 + varint) second = reader.int();
    else reader.skip(tag % 8);
  }
  return [first, second];
}

const magic = Buffer.from("k8s\0");

/** JSON as a plain value; an object that is protobuf itself stays bytes. */
const raw: Decoding = {
  wire: delimited,
  read: (reader) => {
    const content = collect(reader.bytes(), 1, { wire: delimited, read: (inner) => inner.bytes() })[0] as
      | Buffer
      | undefined;
    if (!content || content.length === 0) return null;
    return content.subarray(0, 4).equals(magic) ? content : parseJson(content.toString("utf8"));
  },
};

const scalarDecodings: Readonly<Record<ScalarName, Decoding>> = {
  string: { wire: delimited, read: (reader) => reader.string() },
  bool: { wire: varint, read: (reader) => reader.bool() },
  int32: integer,
  int64: integer,
  byte: integer,
  double: { wire: fixed64, read: (reader) => reader.double() },
  bytes: { wire: delimited, read: (reader) => reader.bytes().toString("base64") },
  quantity: {
    wire: delimited,
    read: (reader) => collect(reader.bytes(), 1, scalarDecodings.string)[0] || "0",
  },
  intOrString: {
    wire: delimited,
    read: (reader) => {
      const bytes = reader.bytes();
      const [isText, number] = numbers(bytes);
      return isText === 1 ? (collect(bytes, 3, scalarDecodings.string)[0] ?? "") : number;
    },
  },
  time: {
    wire: delimited,
    read: (reader) => {
      const bytes = reader.bytes();
      return bytes.length === 0 ? null : formatSeconds(numbers(bytes)[0]);
    },
  },
  microTime: {
    wire: delimited,
    read: (reader) => {
      const bytes = reader.bytes();
      if (bytes.length === 0) return null;
      const [seconds, nanos] = numbers(bytes);
      return formatMicro({ seconds, nanos });
    },
  },
  duration: {
    wire: delimited,
    read: (reader) => formatDuration(BigInt(numbers(reader.bytes())[0])),
  },
  raw,
  fieldsV1: raw,
  any: raw,
};
