import { delimited, fixed64, type ProtobufWriter, varint } from "./protobuf-wire.ts";
import { canonicalQuantity } from "./quantity.ts";
import { parseDuration, parseTime } from "./times.ts";
import type { EitherInfo, FieldInfo, ScalarName, StructInfo, TypeInfo } from "./type-info.ts";

/** Writes a value's content, without tag and length. An absent value is the zero one. */
interface Encoding {
  readonly wire: typeof varint | typeof fixed64 | typeof delimited;
  readonly write: (value: unknown, writer: ProtobufWriter) => void;
}

type Members = Readonly<Record<string, unknown>>;
type WriteMessage = (value: Members, writer: ProtobufWriter) => void;

const messages = new WeakMap<StructInfo, WriteMessage>();
const none: Members = Object.freeze({});

/** The writer of a struct's message, compiled on first use. */
export function messageWriter(type: StructInfo): WriteMessage {
  let write = messages.get(type);
  if (!write) {
    let compiled: WriteMessage | undefined;
    write = (value, writer) => {
      compiled ??= compileMessage(type);
      compiled(value, writer);
    };
    messages.set(type, write);
  }
  return write;
}

function compileMessage(type: StructInfo): WriteMessage {
  // Written from the last field to the first, so the highest number comes first.
  const fields = type.members
    .filter((field) => field.proto > 0)
    .sort((a, b) => b.proto - a.proto)
    .map((field) => fieldWriter(type, field));
  return (value, writer) => {
    for (const write of fields) write(value, writer);
  };
}

/** Fields whose list is a message of its own in protobuf. */
const listMessages = new Set(["meta/v1.APIResource.verbs"]);

function fieldWriter(owner: StructInfo, field: FieldInfo): WriteMessage {
  const { name, type, proto } = field;
  if (field.inline) {
    // What JSON has among the owner's own members is a message inside it here.
    const write = messageWriter(type as StructInfo);
    return (value, writer) => {
      const end = writer.length;
      write(value, writer);
      prefix(writer, end, proto);
    };
  }
  if (type.kind === "list" && !listMessages.has(`${owner.name}.${name}`)) {
    const item = encodingOf(type.item);
    return (value, writer) => {
      const list = value[name];
      if (!Array.isArray(list)) return;
      for (let index = list.length - 1; index >= 0; index--) writeField(item, list[index], proto, writer);
    };
  }
  if (type.kind === "map") {
    const encoding = encodingOf(type.value);
    const optional = type.value.kind === "scalar" && type.value.scalar === "bytes";
    return (value, writer) => {
      const map = value[name];
      if (typeof map !== "object" || map === null) return;
      for (const key of Object.keys(map).sort(byBytes).reverse()) {
        const end = writer.length;
        const member = (map as Members)[key];
        if (!optional || (member !== null && member !== undefined)) writeField(encoding, member, 2, writer);
        const start = writer.length;
        writer.string(key);
        prefix(writer, start, 1);
        prefix(writer, end, proto);
      }
    };
  }
  const encoding = encodingOf(type);
  const optional = field.pointer || (type.kind === "scalar" && type.scalar === "bytes") || type.kind === "list";
  return (value, writer) => {
    const member = value[name];
    if (optional && (member === null || member === undefined)) return;
    writeField(encoding, member, proto, writer);
  };
}

/** Go orders keys by their bytes; surrogate pairs make JavaScript's own order differ from that. */
function byBytes(a: string, b: string): number {
  return /^[\x00-\x7f]*$/.test(a + b) ? (a < b ? -1 : a > b ? 1 : 0) : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function prefix(writer: ProtobufWriter, end: number, proto: number): void {
  writer.varint(writer.length - end);
  writer.varint(proto * 8 + delimited);
}

function writeField({ wire, write }: Encoding, value: unknown, proto: number, writer: ProtobufWriter): void {
  const end = writer.length;
  write(value, writer);
  if (wire === delimited) writer.varint(writer.length - end);
  writer.varint(proto * 8 + wire);
}

function encodingOf(type: TypeInfo): Encoding {
  switch (type.kind) {
    case "scalar":
      return scalarEncodings[type.scalar];
    case "struct": {
      const write = messageWriter(type);
      return { wire: delimited, write: (value, writer) => write((value as Members | null) ?? none, writer) };
    }
    case "list": {
      // A list where protobuf knows none is a message that holds it.
      const item = encodingOf(type.item);
      return {
        wire: delimited,
        write: (value, writer) => {
          const list = (value as readonly unknown[] | null) ?? [];
          for (let index = list.length - 1; index >= 0; index--) writeField(item, list[index], 1, writer);
        },
      };
    }
    case "either":
      return { wire: delimited, write: eitherWriter(type) };
    case "map":
      throw new TypeError("a map of maps has no protobuf form");
  }
}

function eitherWriter(type: EitherInfo): Encoding["write"] {
  const struct = encodingOf(type.struct);
  return (value, writer) => {
    if (Array.isArray(value)) {
      const item = type.or === "strings" ? scalarEncodings.string : struct;
      for (let index = value.length - 1; index >= 0; index--) writeField(item, value[index], 2, writer);
      return;
    }
    const isObject = typeof value === "object" && value !== null;
    if (type.or !== "bool") {
      if (isObject) writeField(struct, value, 1, writer);
      return;
    }
    if (isObject) writeField(struct, value, 2, writer);
    writeField(scalarEncodings.bool, isObject || value === true, 1, writer);
  };
}

const integer: Encoding = {
  wire: varint,
  write: (value, writer) => writer.varint(typeof value === "number" ? value : 0),
};

function writeInstant(seconds: number, nanos: number, writer: ProtobufWriter): void {
  writer.varint(nanos);
  writer.varint(2 * 8 + varint);
  writer.varint(seconds);
  writer.varint(8 + varint);
}

function writeText(text: string, proto: number, writer: ProtobufWriter): void {
  const end = writer.length;
  writer.string(text);
  prefix(writer, end, proto);
}

/** JSON, or bytes that are encoded already. */
const raw: Encoding = {
  wire: delimited,
  write: (value, writer) => {
    if (value === null || value === undefined) return;
    if (!(value instanceof Uint8Array)) return writeText(JSON.stringify(value), 1, writer);
    const end = writer.length;
    writer.bytes(value);
    prefix(writer, end, 1);
  },
};

const scalarEncodings: Readonly<Record<ScalarName, Encoding>> = {
  string: { wire: delimited, write: (value, writer) => writer.string(typeof value === "string" ? value : "") },
  bool: { wire: varint, write: (value, writer) => writer.varint(value === true ? 1 : 0) },
  int32: integer,
  int64: integer,
  byte: integer,
  double: { wire: fixed64, write: (value, writer) => writer.double(typeof value === "number" ? value : 0) },
  bytes: {
    wire: delimited,
    write: (value, writer) => writer.bytes(Buffer.from(typeof value === "string" ? value : "", "base64")),
  },
  quantity: {
    wire: delimited,
    write: (value, writer) => writeText(typeof value === "string" ? canonicalQuantity(value) : "0", 1, writer),
  },
  intOrString: {
    wire: delimited,
    write: (value, writer) => {
      const isText = typeof value === "string";
      writeText(isText ? value : "", 3, writer);
      writer.varint(typeof value === "number" ? value : 0);
      writer.varint(2 * 8 + varint);
      writer.varint(isText ? 1 : 0);
      writer.varint(8 + varint);
    },
  },
  time: {
    wire: delimited,
    write: (value, writer) => {
      if (typeof value === "string") writeInstant(parseTime(value).seconds, 0, writer);
    },
  },
  microTime: {
    wire: delimited,
    write: (value, writer) => {
      if (typeof value !== "string") return;
      const { seconds, nanos } = parseTime(value);
      writeInstant(seconds, nanos - (nanos % 1000), writer);
    },
  },
  duration: {
    wire: delimited,
    write: (value, writer) => {
      writer.varint(typeof value === "string" ? Number(parseDuration(value)) : 0);
      writer.varint(8 + varint);
    },
  },
  raw,
  fieldsV1: raw,
  any: raw,
};
