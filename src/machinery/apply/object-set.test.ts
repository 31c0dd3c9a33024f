import { describe, expect, test } from "vitest";
import { podType } from "./apply-fixture.ts";
import { compareObjects } from "./compare.ts";
import { mergeApplied, removePlaces } from "./merge.ts";
import { setOfObject, withNamedMembers } from "./object-set.ts";
import { shapeOf } from "./shape.ts";

const shape = shapeOf(podType);
const merged = (live: unknown, applied: unknown) =>
  mergeApplied(shape, { spec: live }, { spec: applied }) as { spec: Record<string, unknown> };

describe("what an applied object says something about", () => {
  test("members, map keys, keyed elements, set values; atomic things as a whole", () => {
    const object = {
      metadata: { labels: { "e.com/a": "1" }, finalizers: ["e.com/f"] },
      spec: {
        containers: [{ name: "c", image: "i", args: ["x"], ports: [{ containerPort: 80 }] }],
        tolerations: [{ key: "k" }],
        selector: { matchLabels: { a: "b" } },
        volumes: [{ name: "v", emptyDir: {} }],
        extra: { deep: { list: [1], gone: null } },
      },
    };
    expect(setOfObject(shape, object)).toEqual({
      "f:metadata": { "f:labels": { "f:e.com/a": {} }, "f:finalizers": { 'v:"e.com/f"': {} } },
      "f:spec": {
        "f:containers": {
          'k:{"name":"c"}': {
            ".": {},
            "f:name": {},
            "f:image": {},
            "f:args": {},
            "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
          },
        },
        "f:tolerations": {},
        "f:selector": {},
        "f:volumes": { 'k:{"name":"v"}': { ".": {}, "f:name": {}, "f:emptyDir": {} } },
        "f:extra": { "f:deep": { ".": {}, "f:list": {}, "f:gone": {} } },
      },
    });
  });

  test("an empty or null container is a place of its own, an empty list is nothing", () => {
    expect(setOfObject(shape, { metadata: { labels: {} }, spec: { containers: [], replicas: null } })).toEqual({
      "f:metadata": { "f:labels": {} },
      "f:spec": { "f:replicas": {} },
    });
  });

  test("of an element that is there twice only the place is known", () => {
    const containers = [
      { name: "c", image: "1" },
      { name: "c", image: "2" },
    ];
    expect(setOfObject(shape, { spec: { containers } })).toEqual({
      "f:spec": { "f:containers": { 'k:{"name":"c"}': {} } },
    });
  });

  test("named members on the way can be added, map keys and elements cannot", () => {
    const set = {
      "f:spec": { "f:containers": { 'k:{"name":"c"}': { "f:resources": { "f:limits": { "f:cpu": {} } } } } },
    };
    expect(withNamedMembers(shape, set)).toEqual({
      "f:spec": {
        ".": {},
        "f:containers": {
          ".": {},
          'k:{"name":"c"}': { "f:resources": { ".": {}, "f:limits": { ".": {}, "f:cpu": {} } } },
        },
      },
    });
  });
});

describe("what changed between two objects", () => {
  test("new things are added with their containers, gone ones removed, others modified", () => {
    const before = {
      spec: { containers: [{ name: "a", image: "1" }, { name: "b" }], replicas: 1, tolerations: [{ key: "x" }] },
    };
    const after = {
      metadata: { labels: { l: "1" } },
      spec: { containers: [{ name: "a", image: "2", args: [] }, { name: "c" }], tolerations: [{ key: "y" }] },
    };
    expect(compareObjects(shape, before, after)).toEqual({
      added: {
        "f:metadata": { ".": {}, "f:labels": { ".": {}, "f:l": {} } },
        "f:spec": {
          "f:containers": { 'k:{"name":"a"}': { "f:args": {} }, 'k:{"name":"c"}': { ".": {}, "f:name": {} } },
        },
      },
      modified: { "f:spec": { "f:containers": { 'k:{"name":"a"}': { "f:image": {} } }, "f:tolerations": {} } },
      removed: { "f:spec": { "f:containers": { 'k:{"name":"b"}': { ".": {}, "f:name": {} } }, "f:replicas": {} } },
    });
  });

  test("a list that was null is not added itself, one that was absent is", () => {
    const containers = [{ name: "a" }];
    const element = { 'k:{"name":"a"}': { ".": {}, "f:name": {} } };
    expect(compareObjects(shape, { spec: { containers: null } }, { spec: { containers } }).added).toEqual({
      "f:spec": { "f:containers": element },
    });
    expect(compareObjects(shape, { spec: {} }, { spec: { containers } }).added).toEqual({
      "f:spec": { "f:containers": { ".": {}, ...element } },
    });
  });

  test("the order of keyed elements is no change", () => {
    const [a, b] = [{ name: "a" }, { name: "b" }];
    const none = { added: {}, modified: {}, removed: {} };
    expect(compareObjects(shape, { spec: { containers: [a, b] } }, { spec: { containers: [b, a] } })).toEqual(none);
  });
});

describe("merging what is applied into what is there", () => {
  const live = [{ name: "a", image: "1", args: ["x"] }, { name: "b" }, { name: "c" }];

  test("members merge, atomic lists are replaced", () => {
    const { spec } = merged(
      { containers: live, replicas: 1 },
      { containers: [{ name: "a", image: "2" }], tolerations: [] },
    );
    expect(spec).toEqual({
      containers: [{ name: "a", image: "2", args: ["x"] }, live[1], live[2]],
      replicas: 1,
      tolerations: [],
    });
  });

  test.each([
    { name: "new elements come after those that are there", applied: ["d"], order: "abcd" },
    { name: "the applied order wins among elements of both", applied: ["c", "a"], order: "bca" },
    { name: "new ones keep their place among applied ones", applied: ["a", "d", "b"], order: "adbc" },
    { name: "new ones before shared ones", applied: ["d", "a"], order: "dabc" },
  ])("$name", ({ applied, order }) => {
    const { spec } = merged({ containers: live }, { containers: applied.map((name) => ({ name })) });
    expect((spec.containers as { name: string }[]).map(({ name }) => name).join("")).toBe(order);
  });

  test("places are removed, and containers that lose all become null", () => {
    const object = {
      metadata: { labels: { a: "1" } },
      spec: { containers: [{ name: "a", image: "1" }, { name: "b" }] },
    };
    const set = {
      "f:metadata": { "f:labels": { "f:a": {} } },
      "f:spec": { "f:containers": { 'k:{"name":"a"}': { "f:image": {} }, 'k:{"name":"b"}': {} } },
    };
    expect(removePlaces(shape, object, set)).toEqual({
      metadata: { labels: null },
      spec: { containers: [{ name: "a" }] },
    });
  });
});
