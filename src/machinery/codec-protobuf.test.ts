import { describe, expect, test } from "vitest";
import {
  decodeMessage,
  decodeProtobuf,
  encodeMessage,
  encodeProtobuf,
  isProtobuf,
  listPieces,
  unwrapProtobuf,
  wrapMessage,
} from "./codec-protobuf.ts";
import { ProtobufReader, ProtobufWriter } from "./protobuf-wire.ts";
import { type FactPackage, lookupMeta, metaFacts, typeTable } from "./type-table.ts";

const facts: FactPackage = {
  group: "example.com",
  package: "example/v1",
  types: {
    Thing: {
      fields: [
        ["", "meta/v1.TypeMeta", 0, "i"],
        ["metadata", "meta/v1.ObjectMeta", 1, "oe"],
        ["", "example/v1.Inner", 2, "i"],
        ["count", "int32", 3, ""],
        ["maybe", "*int64", 4, "oe"],
        ["on", "bool", 5, "oe"],
        ["words", "[]string", 6, "oe"],
        ["size", "quantity", 7, "oe"],
        ["port", "intOrString", 8, "oe"],
        ["at", "time", 9, "oe"],
        ["exact", "*microTime", 10, "oe"],
        ["wait", "*duration", 11, "oe"],
        ["data", "{}bytes", 12, "oe"],
        ["extra", "{}[]string", 13, "oe"],
        ["raw", "raw", 14, "oe"],
        ["ratio", "*double", 15, "oe"],
        ["inners", "[]example/v1.Inner", 16, "oe"],
      ],
    },
    Inner: { fields: [["name", "string", 1, ""]] },
  },
};
const thing = typeTable([metaFacts, facts])("example/v1.Thing")!;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** What a Thing's message holds when nothing is set, from field 2 on. */
const zeros = "12020a00" + "1800" + "2800" + "3a030a0130" + "42060800" + "10001a00" + "4a00" + "7200";
const decodedZeros = {
  metadata: {},
  name: "",
  count: 0,
  size: "0",
  port: 0,
  at: null,
  raw: null,
};

describe("protobuf as Kubernetes writes it", () => {
  test("fields that are no pointers are written even when they are zero", () => {
    expect(hex(encodeMessage(lookupMeta("meta/v1.LabelSelectorRequirement")!, {}))).toBe("0a001200");
    expect(hex(encodeMessage(thing, {})).endsWith(zeros)).toBe(true);
  });

  test.each([
    { name: "a negative number takes ten bytes", value: { count: -1 }, holds: "18ffffffffffffffffff01" },
    { name: "a pointer to zero is written", value: { maybe: 0 }, holds: "2000" },
    { name: "a large number", value: { maybe: 2 ** 40 + 5 }, holds: "20858080808020" },
    { name: "list elements in order", value: { words: ["a", "b"] }, holds: "320161320162" },
    { name: "a quantity is its text", value: { size: "1Gi" }, holds: "3a050a03314769" },
    { name: "a port by name", value: { port: "web" }, holds: "4209080110001a03776562" },
    { name: "a time in seconds", value: { at: "1970-01-01T00:00:05Z" }, holds: "4a0408051000" },
    { name: "microseconds in nanoseconds", value: { exact: "1970-01-01T00:00:05.000001Z" }, holds: "5205080510e807" },
    { name: "a duration in nanoseconds", value: { wait: "1s" }, holds: "5a06088094ebdc03" },
    {
      name: "map entries sorted by key",
      value: { data: { b: "Yg==", a: "YQ==" } },
      holds: "62060a016112016162060a0162120162",
    },
    { name: "a list in a map is a message", value: { extra: { a: ["x", "y"] } }, holds: "6a0b0a016112060a01780a0179" },
    { name: "raw values are JSON", value: { raw: { a: 1 } }, holds: "72090a077b2261223a317d" },
    { name: "a ratio in eight bytes", value: { ratio: 1.5 }, holds: "79000000000000f83f" },
    { name: "inlined members are a message of their own", value: { name: "n" }, holds: "12030a016e" },
  ])("$name", ({ value, holds }) => {
    const message = encodeMessage(thing, value);
    expect(hex(message)).toContain(holds);
    expect(decodeMessage(thing, message)).toEqual({ ...decodedZeros, ...value });
  });

  test("an object stands in its envelope, with its kind outside", () => {
    const object = { apiVersion: "v1", kind: "A", ...decodedZeros };
    const bytes = encodeProtobuf(thing, object);
    expect(isProtobuf(bytes)).toBe(true);
    expect(hex(bytes).startsWith("6b3873000a070a027631120141")).toBe(true);
    expect(hex(bytes).endsWith("1a002200")).toBe(true);
    expect(unwrapProtobuf(bytes)).toMatchObject({ apiVersion: "v1", kind: "A", contentType: "" });
    expect(decodeProtobuf(bytes, () => thing)).toEqual(object);
    expect(hex(wrapMessage("v1", "A", encodeMessage(thing, object)))).toBe(hex(bytes));
    expect(() => decodeProtobuf(bytes, () => undefined)).toThrow('no kind "A" is registered for version "v1"');
  });

  test("a list is put together from messages that are written already", () => {
    const items = ["a", "b"].map((name) => encodeMessage(thing, { metadata: { name } }));
    const metadata = { resourceVersion: "7" };
    const metadataMessage = encodeMessage(lookupMeta("meta/v1.ListMeta")!, metadata);
    const joined = Buffer.concat([...listPieces("list/v1", "L", metadataMessage, items)]);
    const list = typeTable([
      metaFacts,
      facts,
      {
        group: "",
        package: "list/v1",
        types: {
          L: {
            fields: [
              ["metadata", "meta/v1.ListMeta", 1, ""],
              ["items", "[]example/v1.Thing", 2, ""],
            ],
          },
        },
      },
    ])("list/v1.L")!;
    expect(hex(joined)).toBe(
      hex(
        wrapMessage(
          "list/v1",
          "L",
          encodeMessage(
            list,
            decodeProtobuf(joined, () => list),
          ),
        ),
      ),
    );
    expect(decodeProtobuf(joined, () => list)).toMatchObject({
      metadata,
      items: [{ metadata: { name: "a" } }, { metadata: { name: "b" } }],
    });
  });

  test("bytes that are protobuf themselves pass through a raw field", () => {
    const inner = encodeProtobuf(thing, { apiVersion: "v1", kind: "A" });
    const event = lookupMeta("meta/v1.WatchEvent")!;
    const read = decodeMessage(event, encodeMessage(event, { type: "ADDED", object: inner })) as { object: Uint8Array };
    expect(hex(read.object)).toBe(hex(inner));
  });

  test("fields that nobody knows are passed over", () => {
    const writer = new ProtobufWriter(1);
    writer.string("later");
    writer.varint(5);
    writer.varint(99 * 8 + 2);
    expect(decodeMessage(thing, writer.finish())).toEqual(decodedZeros);
  });

  test("a name called __proto__ reaches no prototype", () => {
    const data = JSON.parse('{"__proto__":"YQ=="}') as Record<string, string>;
    const read = decodeMessage<{ data: Record<string, string> }>(thing, encodeMessage(thing, { data }));
    expect(Object.entries(read.data)).toEqual([["__proto__", "YQ=="]]);
  });

  test.each(["0a05", "0aff", "ff", "0b", "79aa"])("broken bytes (%s) are refused", (text) => {
    expect(() => decodeMessage(thing, Buffer.from(text, "hex"))).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  test("what has no envelope is refused", () => {
    expect(() => unwrapProtobuf(Buffer.from("{}"))).toThrow(/expected prefix/);
  });
});

describe("numbers on the wire", () => {
  test.each([0, 1, 127, 128, 300, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, -1, -(2 ** 31), -(2 ** 53 - 1)])("%d", (value) => {
    const writer = new ProtobufWriter(1);
    writer.varint(value);
    expect(new ProtobufReader(writer.finish()).int()).toBe(value);
  });
});
