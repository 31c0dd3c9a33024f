import { lookupType, typeFacts, typeOfKind } from "../../api/type-info.ts";
import { Fault } from "../../lib/fault.ts";
import {
  decodeProtobuf,
  encodeMessage,
  encodeProtobuf,
  listPieces,
  wrapMessage,
} from "../../machinery/codec-protobuf.ts";
import { encodeYaml, parseYaml } from "../../machinery/codec-yaml.ts";
import type { ListMeta } from "../../machinery/object.ts";
import type { StructInfo } from "../../machinery/type-info.ts";
import type { Held } from "../../registry/held.ts";
import type { Served } from "../../registry/resource.ts";
import type { WatchFrame } from "../../registry/watch.ts";
import { type ByteSource, piecesSource, smallOrSource } from "../../wire/byte-source.ts";
import { type Encoding, jsonType, protobufType, yamlType } from "./media-type.ts";

type Other = Exclude<Encoding, typeof jsonType>;

const allEncodings: readonly Encoding[] = [jsonType, yamlType, protobufType];
const textEncodings: readonly Encoding[] = [jsonType, yamlType];

/** The encodings that a resource is served in: types without field numbers, as custom resources, have no protobuf. */
export function encodingsOf({ type }: Served): readonly Encoding[] {
  return typeFacts(type.name) ? allEncodings : textEncodings;
}

/** Encodes a value in another form than JSON; `served` says its type when it is an object of a served kind. */
export function encodeOther(encoding: Other, value: unknown, served: Served | undefined): Uint8Array {
  if (encoding === yamlType) return Buffer.from(encodeYaml(value));
  return encodeProtobuf(typeOf(value as Named, served), value as object);
}

/** A list in protobuf, out of its items' messages: one array when it is small, otherwise made as it is sent. */
export function encodeListProtobuf(
  metadata: ListMeta,
  items: readonly Held[],
  served: Served,
): Uint8Array | ByteSource {
  const messages = items.map((held) => protobufOf(held, served));
  const head = encodeMessage(metaType("ListMeta"), metadata);
  return smallOrSource(() => piecesSource(listPieces(served.apiVersion, `${served.kind}List`, head, messages)));
}

/** One event of a watch in another form than JSON. */
export function encodeEvent(encoding: Encoding, frame: WatchFrame, served: Served): Uint8Array {
  if (encoding === jsonType) return frame.line();
  // Every watcher of a kind is told of the same states.
  const { held } = frame;
  if (encoding === yamlType) return held ? yamlEventOf(held, frame, served) : yamlEvent(frame.type, frame.object);
  const object = held
    ? wrapMessage(served.apiVersion, served.kind, protobufOf(held, served))
    : encodeOther(encoding, frame.object, served);
  return eventMessage(frame.type, object);
}

/** Reads a body of another form than JSON into a plain value. Throws Fault `invalid`. */
export function decodeOther(encoding: Other, bytes: Uint8Array, type: StructInfo): unknown {
  if (encoding === yamlType) return parseYaml(Buffer.from(bytes).toString());
  return decodeProtobuf(bytes, () => type);
}

const yamlEvent = (type: string, object: unknown) => Buffer.from(`---\n${encodeYaml({ type, object })}`);

const yamlEvents = new WeakMap<Held, Map<string, Uint8Array>>();

function yamlEventOf(held: Held, { type }: WatchFrame, served: Served): Uint8Array {
  const known = yamlEvents.get(held) ?? new Map<string, Uint8Array>();
  yamlEvents.set(held, known);
  const key = `${type} ${served.apiVersion}`;
  const event = known.get(key) ?? yamlEvent(type, held.as(served));
  known.set(key, event);
  return event;
}

const messages = new WeakMap<Held, Map<Served, Uint8Array>>();

function protobufOf(held: Held, served: Served): Uint8Array {
  const known = messages.get(held) ?? new Map<Served, Uint8Array>();
  messages.set(held, known);
  const message = known.get(served) ?? encodeMessage(served.type, held.as(served));
  known.set(served, message);
  return message;
}

interface Named {
  readonly kind?: string;
  readonly apiVersion?: string;
}

function typeOf({ kind = "", apiVersion = "" }: Named, served: Served | undefined): StructInfo {
  if (served && kind === served.kind && apiVersion === served.apiVersion) return served.type;
  if (kind === "Status" || apiVersion.startsWith("meta.k8s.io/")) return metaType(kind);
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const type = typeOfKind({ group, version, kind });
  if (!type) throw new Fault("unsupported", `${apiVersion} ${kind} has no protobuf form`);
  return type;
}

function metaType(name: string): StructInfo {
  const type = lookupType(`meta/v1.${name}`);
  if (!type) throw new Fault("internal", `meta/v1 has no ${name}`);
  return type;
}

// A WatchEvent message (1: type, 2: a RawExtension whose field 1 is the object in its envelope), with its length before it.
function eventMessage(type: string, object: Uint8Array): Uint8Array {
  const text = Buffer.from(type);
  const raw = Buffer.concat([tag(1, object.byteLength), object]);
  const message = Buffer.concat([tag(1, text.length), text, tag(2, raw.length), raw]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}

function tag(field: number, size: number): Buffer {
  const bytes = [(field << 3) | 2];
  let rest = size;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
