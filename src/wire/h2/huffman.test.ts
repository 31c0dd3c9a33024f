import { expect, test } from "vitest";
import { unpackedSize, unpackHuffman } from "./huffman.ts";

function unpack(hex: string): string | undefined {
  const packed = Buffer.from(hex, "hex");
  const target = Buffer.alloc(unpackedSize(packed.length));
  const size = unpackHuffman(packed, 0, packed.length, target);
  return size < 0 ? undefined : target.toString("latin1", 0, size);
}

test.each([
  { hex: "f1e3c2e5f23a6ba0ab90f4ff", text: "www.example.com" },
  { hex: "a8eb10649cbf", text: "no-cache" },
  { hex: "25a849e95ba97d7f", text: "custom-key" },
  { hex: "25a849e95bb8e8b4bf", text: "custom-value" },
  { hex: "6402", text: "302" },
  { hex: "d07abe941054d444a8200595040b8166e082a62d1bff", text: "Mon, 21 Oct 2013 20:13:21 GMT" },
  { hex: "9d29ad171863c78f0b97c8e9ae82ae43d3", text: "https://www.example.com" },
  { hex: "", text: "" },
])("$hex is $text", ({ hex, text }) => {
  expect(unpack(hex)).toBe(text);
});

test.each([
  { what: "the end of string code", hex: "ffffffff" },
  { what: "padding of a whole byte", hex: "a8eb10649cbfff" },
  { what: "padding that is not all ones", hex: "00" },
  { what: "half a code", hex: "fe" },
])("$what is not Huffman coded", ({ hex }) => {
  expect(unpack(hex)).toBeUndefined();
});
