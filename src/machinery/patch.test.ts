import { describe, expect, test } from "vitest";
import { deepFreeze } from "./equality.ts";
import { applyJsonPatch } from "./patch-json.ts";
import { applyMergePatch, createMergePatch } from "./patch-merge.ts";

describe("JSON patch", () => {
  const value = deepFreeze({ data: { a: "1", b: "2" }, list: ["x"], "e/f~g": 1 });

  test("add, replace and remove", () => {
    const patch = [
      { op: "add", path: "/data/c", value: "3" },
      { op: "replace", path: "/e~1f~0g", value: 2 },
      { op: "remove", path: "/data/b" },
      { op: "add", path: "/list/-", value: "z" },
      { op: "add", path: "/list/0", value: "w" },
      { op: "test", path: "/data/a", value: "1" },
    ];
    expect(applyJsonPatch(value, patch)).toEqual({ data: { a: "1", c: "3" }, list: ["w", "x", "z"], "e/f~g": 2 });
    expect(value.data.b).toBe("2");
  });

  test.each([
    { name: "a test that fails", patch: [{ op: "test", path: "/data/a", value: "9" }] },
    { name: "removing what is not there", patch: [{ op: "remove", path: "/data/nope" }] },
    { name: "replacing what is not there", patch: [{ op: "replace", path: "/nope/x", value: 1 }] },
    { name: "a step that nobody knows", patch: [{ op: "spin", path: "/data" }] },
    { name: "reaching for the prototype", patch: [{ op: "add", path: "/__proto__/x", value: 1 }] },
    { name: "a position beyond the end", patch: [{ op: "add", path: "/list/3", value: 1 }] },
    { name: "replacing the whole", patch: [{ op: "replace", path: "", value: {} }] },
    { name: "a step that is none", patch: [null] },
    {
      name: "copies that double and double again",
      patch: Array.from({ length: 60 }, (_, index) => ({ op: "copy", from: "/data", path: `/data/x${index}` })),
    },
  ])("$name is Invalid, without saying why", ({ patch }) => {
    expect(() => applyJsonPatch(value, patch)).toThrow(
      expect.objectContaining({
        reason: "Invalid",
        message: "the server rejected our request due to an error in our request",
        details: {},
      }),
    );
  });

  test.each([
    [
      { op: "add", path: "/nope/x", value: 1 },
      'add operation does not apply: doc is missing path: "/nope/x": missing value',
    ],
    [{ op: "add", value: 1 }, "add operation failed to decode path: missing value"],
    [
      { op: "add", path: "/list/3", value: 1 },
      "error in add for path: '/list/3': Unable to access invalid index: 3: invalid index referenced",
    ],
    [
      { op: "add", path: "/list/x", value: 1 },
      "error in add for path: '/list/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
    ],
    [
      { op: "remove", path: "/data/nope" },
      "error in remove for path: '/data/nope': Unable to remove nonexistent key: nope: missing value",
    ],
    [
      { op: "replace", path: "/nope/x" },
      "replace operation does not apply: doc is missing path: /nope/x: missing value",
    ],
    [
      { op: "replace", path: "/list/4" },
      "replace operation does not apply: doc is missing key: /list/4: missing value",
    ],
    [
      { op: "move", from: "/nope/x", path: "/y" },
      "move operation does not apply: doc is missing from path: /nope/x: missing value",
    ],
    [
      { op: "copy", from: "/data/a", path: "/nope/y" },
      "copy operation does not apply: doc is missing destination path: /nope/y: missing value",
    ],
    [{ op: "test", path: "/data/a", value: "9" }, "testing value /data/a failed: test failed"],
    [{ op: "spin", path: "/data" }, "Unexpected kind: spin"],
  ])("why %j cannot be done is told as the cause", (step, why) => {
    expect(() => applyJsonPatch(value, [step])).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message: why }) }),
    );
  });

  test("move and copy", () => {
    const patch = [
      { op: "move", from: "/data/a", path: "/data/z" },
      { op: "copy", from: "/data/b", path: "/list/-1" },
    ];
    expect(applyJsonPatch(value, patch)).toEqual({ data: { b: "2", z: "1" }, list: ["x", "2"], "e/f~g": 1 });
  });

  test("replace makes a member that is not there, and a test may ask for its absence", () => {
    const patch = [
      { op: "test", path: "/data/q", value: null },
      { op: "replace", path: "/data/q", value: "9" },
    ];
    expect(applyJsonPatch(value, patch)).toMatchObject({ data: { q: "9" } });
  });

  test("a member called __proto__ is a member like any other", () => {
    const made = applyJsonPatch({}, [{ op: "add", path: "/__proto__", value: { x: 1 } }]) as { x?: number };
    expect(made.x).toBeUndefined();
    expect(Object.keys(made)).toEqual(["__proto__"]);
  });

  test("what is no list is no patch", () => {
    expect(() => applyJsonPatch(value, {})).toThrow(
      "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
    );
  });

  test("there is an end to the number of steps", () => {
    const patch = Array(10_001).fill({ op: "test", path: "/data/a", value: "1" });
    expect(() => applyJsonPatch(value, patch)).toThrow(
      "The allowed maximum operations in a JSON patch is 10000, got 10001",
    );
  });
});

describe("merge patch", () => {
  const value = deepFreeze({ data: { a: "1", b: "2" }, list: [1, 2], same: { x: {} } });

  test("null removes, objects merge, all else replaces", () => {
    expect(applyMergePatch(value, { data: { a: null, c: { d: null, e: 1 } }, list: [3], gone: null })).toEqual({
      data: { b: "2", c: { e: 1 } },
      list: [3],
      same: { x: {} },
    });
  });

  test("a patch that changes nothing gives the same value", () => {
    expect(applyMergePatch(value, { data: { a: "1" }, same: {} })).toBe(value);
  });

  test("what is not touched is shared", () => {
    expect((applyMergePatch(value, { data: { a: "9" } }) as typeof value).same).toBe(value.same);
  });

  test("a member called __proto__ is a member like any other", () => {
    const made = applyMergePatch({}, JSON.parse('{"__proto__":{"x":1}}')) as object;
    expect(Object.keys(made)).toEqual(["__proto__"]);
    expect((made as { x?: number }).x).toBeUndefined();
  });

  test("the patch between two values leads from one to the other", () => {
    const after = { data: { b: "2", c: "3" }, list: [1], same: { x: {} } };
    const patch = createMergePatch(value, after);
    expect(patch).toEqual({ data: { a: null, c: "3" }, list: [1] });
    expect(applyMergePatch(value, patch)).toEqual(after);
    expect(createMergePatch(value, value)).toBeUndefined();
  });
});

test("a step of a JSON patch whose operation or path is an object that cannot be text is refused like any other", () => {
  const odd = JSON.parse('{"toString":1,"__proto__":2}') as unknown;
  for (const step of [
    { op: odd, path: "/a" },
    { op: "add", path: odd },
    { op: "copy", path: "/a", from: odd },
  ]) {
    expect(() => applyJsonPatch({}, [step])).toThrow("the server rejected our request due to an error in our request");
  }
});
