import { describe, expect, test } from "vitest";
import { applyMergePatch } from "../../../machinery/patch-merge.ts";
import { applyStrategicPatch } from "../../../machinery/patch-strategic.ts";
import { knownType } from "./known-type.ts";
import { threeWayMergePatch, threeWayStrategicPatch } from "./three-way.ts";

describe("a merge patch of three states", () => {
  test("sets what the manifest says, removes what it said before, and leaves what others set", () => {
    const states = {
      original: { a: "1", gone: "1", deep: { x: "1", y: "1" } },
      modified: { a: "2", deep: { x: "1" } },
      current: { a: "1", gone: "1", theirs: "1", deep: { x: "1", y: "1", z: "1" } },
    };
    const patch = threeWayMergePatch(states);
    expect(patch).toEqual({ a: "2", gone: null, deep: { y: null } });
    expect(applyMergePatch(states.current, patch)).toEqual({ a: "2", theirs: "1", deep: { x: "1", z: "1" } });
  });

  test("is empty when all is as it should be", () => {
    expect(threeWayMergePatch({ original: { a: [1] }, modified: { a: [1] }, current: { a: [1], b: 1 } })).toEqual({});
  });
});

describe("a strategic patch of three states", () => {
  const type = knownType("v1", "Pod")!;
  const pod = (...containers: readonly object[]) => ({ spec: { containers } });
  const patchOf = (original: object, modified: object, current: object) => {
    const states = { original, modified, current } as Parameters<typeof threeWayStrategicPatch>[1];
    const patch = threeWayStrategicPatch(type, states);
    return { patch, after: applyStrategicPatch(type, current, patch) };
  };

  test("changes one element of a list by its name and keeps what others added", () => {
    const { after } = patchOf(
      pod({ name: "a", image: "a:1" }),
      pod({ name: "a", image: "a:2" }),
      pod({ name: "a", image: "a:1", imagePullPolicy: "Always" }, { name: "theirs", image: "t" }),
    );
    expect(after).toEqual(pod({ name: "a", image: "a:2", imagePullPolicy: "Always" }, { name: "theirs", image: "t" }));
  });

  test("takes away the element that the manifest has no more, and adds the new one", () => {
    const { after } = patchOf(
      pod({ name: "a" }, { name: "b" }),
      pod({ name: "c" }, { name: "a" }),
      pod({ name: "a", image: "x" }, { name: "b" }),
    );
    expect(after).toEqual(pod({ name: "c" }, { name: "a", image: "x" }));
  });

  test("is empty when the order and all elements are right", () => {
    expect(patchOf(pod({ name: "a" }), pod({ name: "a" }), pod({ name: "a", image: "x" })).patch).toEqual({});
  });

  test("primitive lists that merge lose what was taken out", () => {
    const finalizers = (...names: string[]) => ({ metadata: { finalizers: names } });
    const { after } = patchOf(finalizers("a", "b"), finalizers("a", "c"), finalizers("a", "b", "theirs"));
    expect(new Set((after as { metadata: { finalizers: string[] } }).metadata.finalizers)).toEqual(
      new Set(["a", "c", "theirs"]),
    );
  });
});
