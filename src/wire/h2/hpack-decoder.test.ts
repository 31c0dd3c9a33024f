import { expect, test } from "vitest";
import { type HeaderField, HpackDecoder } from "./hpack-decoder.ts";
import { errorCode } from "./protocol.ts";

function decode(decoder: HpackDecoder, hex: string): readonly string[] {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const fields: string[] = [];
  decoder.decode(bytes, 0, bytes.length, { field: ({ name, value }) => fields.push(`${name}: ${value}`) });
  return fields;
}

const first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const third = [
  ":method: GET",
  ":scheme: https",
  ":path: /index.html",
  ":authority: www.example.com",
  "custom-key: custom-value",
];

test.each([
  {
    what: "in plain text (RFC 7541, C.3)",
    blocks: [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
  },
  {
    what: "with Huffman codes (C.4)",
    blocks: [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
  },
])("three requests build on each other's headers $what", ({ blocks }) => {
  const decoder = new HpackDecoder();
  expect(blocks.map((block) => decode(decoder, block))).toEqual([first, [...first, "cache-control: no-cache"], third]);
});

test("a small table forgets its oldest headers (C.6)", () => {
  const decoder = new HpackDecoder();
  const date = "Mon, 21 Oct 2013 20:13:21 GMT";
  const resized = "3fe101";
  const blocks = [
    `${resized} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    "4883 640e ffc1 c0bf",
    "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
  ];
  expect(blocks.map((block) => decode(decoder, block))).toEqual([
    [":status: 302", "cache-control: private", `date: ${date}`, "location: https://www.example.com"],
    [":status: 307", "cache-control: private", `date: ${date}`, "location: https://www.example.com"],
    [
      ":status: 200",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:22 GMT",
      "location: https://www.example.com",
      "content-encoding: gzip",
      "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ],
  ]);
});

test.each([
  { what: "a header of number 0", hex: "80" },
  { what: "a number that the table has not got", hex: "be" },
  { what: "a table larger than allowed", hex: "3fe2 1f" },
  { what: "a table's size after a header", hex: "82 20" },
  { what: "a number without an end", hex: "ffff ffff ffff" },
  { what: "half a header", hex: "0003 6162" },
  { what: "a text that is not Huffman coded", hex: "0081 0003 6162 63" },
])("$what ends the connection", ({ hex }) => {
  expect(() => decode(new HpackDecoder(), hex)).toThrow(
    expect.objectContaining({ reason: errorCode.compressionError, stream: 0 }),
  );
});

test.each([
  { what: "a capital letter in a name", hex: "0001 4101 61", valid: false },
  { what: "an empty name", hex: "0000 0161", valid: false },
  { what: "a line break in a value", hex: "0001 6102 610a", valid: false },
  { what: "a blank after a value", hex: "0001 6102 6120", valid: true },
  { what: "an empty value", hex: "0001 6100", valid: true },
  { what: "bytes beyond ASCII in a value", hex: "0001 6102 c3a9", valid: true },
])("$what is told: valid $valid", ({ hex, valid }) => {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const fields: HeaderField[] = [];
  new HpackDecoder().decode(bytes, 0, bytes.length, { field: (field) => fields.push(field) });
  expect(fields.map((field) => field.valid)).toEqual([valid]);
});
