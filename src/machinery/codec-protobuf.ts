import { Fault } from "../lib/fault.ts";
import { decodeValue } from "./codec-json.ts";
import { readMessage } from "./protobuf-decode.ts";
import { messageWriter } from "./protobuf-encode.ts";
import { delimited, ProtobufReader, ProtobufWriter } from "./protobuf-wire.ts";
import type { StructInfo } from "./type-info.ts";

const magic = Buffer.from("k8s\0");

/** What stands around an object in Kubernetes' protobuf. */
export interface ProtobufEnvelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The object's own message. */
  readonly message: Uint8Array;
  readonly contentEncoding: string;
  readonly contentType: string;
}

/** Whether bytes are Kubernetes' protobuf, by their first four. */
export function isProtobuf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && magic.equals(bytes.subarray(0, 4));
}

/** Takes the envelope off. Throws `invalid` if there is none. */
export function unwrapProtobuf(bytes: Uint8Array): ProtobufEnvelope {
  if (!isProtobuf(bytes)) {
    throw new Fault("invalid", 'provided data does not appear to be a protobuf message, expected prefix "k8s\\x00"');
  }
  const reader = new ProtobufReader(bytes.subarray(4));
  let apiVersion = "";
  let kind = "";
  let message: Uint8Array = new Uint8Array();
  let contentEncoding = "";
  let contentType = "";
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 8 + delimited) {
      const inner = new ProtobufReader(reader.bytes());
      while (!inner.done) {
        const step = inner.tag();
        if (step === 8 + delimited) apiVersion = inner.string();
        else if (step === 16 + delimited) kind = inner.string();
        else inner.skip(step % 8);
      }
    } else if (tag === 16 + delimited) message = reader.bytes();
    else if (tag === 24 + delimited) contentEncoding = reader.string();
    else if (tag === 32 + delimited) contentType = reader.string();
    else reader.skip(tag % 8);
  }
  return { apiVersion, kind, message, contentEncoding, contentType };
}

/** Reads a message without envelope into a type's form; see `decodeValue`. */
export function decodeMessage<T = Readonly<Record<string, unknown>>>(
  type: StructInfo,
  message: Uint8Array,
  head: { readonly apiVersion?: string; readonly kind?: string } = {},
): T {
  return decodeValue<T>(type, readMessage(type, message, { ...head })).object;
}

/** Reads an object in its envelope. `find` names the type of an apiVersion and kind; undefined makes it `invalid`. */
export function decodeProtobuf<T = Readonly<Record<string, unknown>>>(
  bytes: Uint8Array,
  find: (apiVersion: string, kind: string) => StructInfo | undefined,
): T {
  const { apiVersion, kind, message } = unwrapProtobuf(bytes);
  const type = find(apiVersion, kind);
  if (!type) throw new Fault("invalid", `no kind "${kind}" is registered for version "${apiVersion}"`);
  return decodeMessage<T>(type, message, { apiVersion, kind });
}

/** Writes an object's own message, without envelope: as it stands in a list, byte for byte as Go writes it. */
export function encodeMessage(type: StructInfo, object: object): Uint8Array {
  const writer = new ProtobufWriter();
  messageWriter(type)(object as Readonly<Record<string, unknown>>, writer);
  return writer.finish();
}

/** Writes an object in its envelope, which takes apiVersion and kind from the object. */
export function encodeProtobuf(type: StructInfo, object: object): Uint8Array {
  const writer = new ProtobufWriter();
  empty(writer, 4);
  empty(writer, 3);
  const end = writer.length;
  messageWriter(type)(object as Readonly<Record<string, unknown>>, writer);
  finishField(writer, end, 2);
  const { apiVersion, kind } = object as { readonly apiVersion?: string; readonly kind?: string };
  head(writer, apiVersion ?? "", kind ?? "");
  return writer.finish();
}

/** Puts an envelope around a message that is written already. */
export function wrapMessage(apiVersion: string, kind: string, message: Uint8Array): Uint8Array {
  const writer = new ProtobufWriter(message.length + apiVersion.length + kind.length + 64);
  empty(writer, 4);
  empty(writer, 3);
  const end = writer.length;
  writer.bytes(message);
  finishField(writer, end, 2);
  head(writer, apiVersion, kind);
  return writer.finish();
}

/** A list in its envelope, piece by piece, out of its metadata's message and its items': every list has them as fields 1 and 2. */
export function* listPieces(
  apiVersion: string,
  kind: string,
  metadata: Uint8Array,
  items: readonly Uint8Array[],
): Generator<Uint8Array, undefined> {
  const metadataHead = fieldHead(1, metadata.length);
  const heads = items.map(({ length }) => fieldHead(2, length));
  let size = metadataHead.length + metadata.length;
  for (const [index, item] of items.entries()) size += heads[index]!.length + item.length;
  const start = new ProtobufWriter(apiVersion.length + kind.length + 64);
  start.varint(size);
  start.varint(2 * 8 + delimited);
  head(start, apiVersion, kind);
  yield start.finish();
  yield metadataHead;
  yield metadata;
  for (const [index, item] of items.entries()) {
    yield heads[index]!;
    yield item;
  }
  const end = new ProtobufWriter(16);
  empty(end, 4);
  empty(end, 3);
  yield end.finish();
  return undefined;
}

/** What stands before a field of so many bytes. */
function fieldHead(proto: number, size: number): Uint8Array {
  const writer = new ProtobufWriter(16);
  writer.varint(size);
  writer.varint(proto * 8 + delimited);
  return writer.finish();
}

function finishField(writer: ProtobufWriter, end: number, proto: number): void {
  writer.varint(writer.length - end);
  writer.varint(proto * 8 + delimited);
}

function empty(writer: ProtobufWriter, proto: number): void {
  finishField(writer, writer.length, proto);
}

function head(writer: ProtobufWriter, apiVersion: string, kind: string): void {
  const end = writer.length;
  writer.string(kind);
  finishField(writer, end, 2);
  const middle = writer.length;
  writer.string(apiVersion);
  finishField(writer, middle, 1);
  finishField(writer, end, 1);
  writer.bytes(magic);
}
