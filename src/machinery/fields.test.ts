import { describe, expect, test } from "vitest";
import { goQuote } from "../lib/go-text.ts";
import { field, path, valueText } from "./fields.ts";

describe("field paths", () => {
  test("members, positions and keys are written as Kubernetes writes them", () => {
    expect(String(path("spec").child("containers").index(0).child("env").key("A.B"))).toBe(
      "spec.containers[0].env[A.B]",
    );
    expect(String(path("metadata", "labels"))).toBe("metadata.labels");
  });
});

describe("values in messages", () => {
  test.each([
    { name: "strings are quoted", value: 'a"b\n', text: '"a\\"b\\n"' },
    { name: "control characters are escaped as Go does", value: "\x01\x7f\u00a0é", text: '"\\x01\\x7f\\u00a0é"' },
    { name: "numbers are bare", value: 12, text: "12" },
    { name: "booleans are bare", value: false, text: "false" },
    { name: "nothing is null in quotes", value: undefined, text: '"null"' },
    { name: "objects are JSON", value: { matchLabels: { a: "<b>" } }, text: '{"matchLabels":{"a":"\\u003cb\\u003e"}}' },
  ])("$name", ({ value, text }) => expect(valueText(value)).toBe(text));

  test("a character beyond the basic plane stays, if it can be printed", () => {
    expect(goQuote("\u{1F600}\u{E0001}")).toBe('"\u{1F600}\\U000e0001"');
  });
});

describe("field errors", () => {
  test.each([
    {
      name: "invalid",
      error: field.invalid("a.b", -1, "must be positive"),
      message: "Invalid value: -1: must be positive",
    },
    { name: "required", error: field.required("a.b"), message: "Required value" },
    { name: "required, with a hint", error: field.required("a.b", "give one"), message: "Required value: give one" },
    { name: "duplicate", error: field.duplicate("a.b", "x"), message: 'Duplicate value: "x"' },
    {
      name: "not supported",
      error: field.notSupported("a.b", "x", ["A", "B"]),
      message: 'Unsupported value: "x": supported values: "A", "B"',
    },
    { name: "forbidden", error: field.forbidden("a.b", "no"), message: "Forbidden: no" },
    { name: "too long", error: field.tooLong("a.b", 9), message: "Too long: may not be more than 9 bytes" },
    { name: "too many", error: field.tooMany("a.b", 3, 2), message: "Too many: 3: must have at most 2 items" },
    { name: "not found", error: field.notFound("a.b", "x"), message: 'Not found: "x"' },
    { name: "internal", error: field.internal("a.b", "oops"), message: "Internal error: oops" },
  ])("$name has upstream's text", ({ error, message }) => {
    expect(error.message).toBe(message);
    expect(error.field).toBe("a.b");
  });
});
