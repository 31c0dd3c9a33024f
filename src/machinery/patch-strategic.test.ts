import { describe, expect, test } from "vitest";
import { deepFreeze } from "./equality.ts";
import { applyStrategicPatch } from "./patch-strategic.ts";
import { type FactPackage, metaFacts, typeTable } from "./type-table.ts";

const facts: FactPackage = {
  group: "",
  package: "core/v1",
  types: {
    Pod: {
      fields: [
        ["metadata", "meta/v1.ObjectMeta", 1, "oe"],
        ["containers", "[]core/v1.Container", 2, "", { patch: "merge", mergeKey: "name" }],
        ["volumes", "[]core/v1.Volume", 3, "oe", { patch: "merge,retainKeys", mergeKey: "name" }],
        ["strategy", "core/v1.Strategy", 4, "oe", { patch: "retainKeys" }],
        ["tolerations", "[]core/v1.Container", 5, "oe"],
        ["selector", "{}string", 6, "oe"],
      ],
    },
    Container: {
      fields: [
        ["name", "string", 1, ""],
        ["image", "string", 2, ""],
        ["env", "[]core/v1.Env", 3, "oe", { patch: "merge", mergeKey: "name" }],
        ["args", "[]string", 4, "oe"],
      ],
    },
    Env: {
      fields: [
        ["name", "string", 1, ""],
        ["value", "string", 2, ""],
      ],
    },
    Volume: {
      fields: [
        ["name", "string", 1, ""],
        ["emptyDir", "{}string", 2, ""],
        ["hostPath", "{}string", 3, ""],
      ],
    },
    Strategy: {
      fields: [
        ["type", "string", 1, ""],
        ["rolling", "{}string", 2, ""],
      ],
    },
  },
};
const pod = typeTable([metaFacts, facts])("core/v1.Pod")!;
const live = deepFreeze({
  metadata: { finalizers: ["e.com/a", "e.com/b", "e.com/c"], labels: { x: "1" } },
  containers: [
    { name: "a", image: "a:1", args: ["1"], env: [{ name: "A", value: "1" }] },
    { name: "b", image: "b:1" },
  ],
  volumes: [{ name: "v", emptyDir: { medium: "Memory" } }],
  strategy: { type: "Rolling", rolling: { max: "1" } },
  tolerations: [{ name: "t1" }],
});
const patched = (patch: unknown) => applyStrategicPatch(pod, live, patch) as Record<string, unknown>;
const [a, b] = live.containers;

describe("strategic merge patch", () => {
  test("elements merge by their key, at every depth; other lists are replaced", () => {
    const patch = { containers: [{ name: "a", image: "a:2", args: ["2"], env: [{ name: "B", value: "2" }] }] };
    expect(patched(patch).containers).toEqual([
      {
        name: "a",
        image: "a:2",
        args: ["2"],
        env: [
          { name: "B", value: "2" },
          { name: "A", value: "1" },
        ],
      },
      b,
    ]);
  });

  test("a new element comes before those that are there", () => {
    expect(patched({ containers: [{ name: "z", image: "z:1", env: null }] }).containers).toEqual([
      { name: "z", image: "z:1" },
      a,
      b,
    ]);
  });

  test("lists without a strategy are replaced", () => {
    expect(patched({ tolerations: [{ name: "t2" }] }).tolerations).toEqual([{ name: "t2" }]);
  });

  test("null removes a member", () => {
    expect(patched({ metadata: { labels: null }, volumes: null })).not.toHaveProperty("volumes");
    expect(patched({ metadata: { labels: { x: null } } }).metadata).toMatchObject({ labels: {} });
  });

  test("$patch: delete removes an element", () => {
    expect(patched({ containers: [{ $patch: "delete", name: "a" }] }).containers).toEqual([b]);
  });

  test("$patch: replace takes the patch's list or object as it is", () => {
    expect(patched({ containers: [{ $patch: "replace" }, { name: "z", image: "z:1" }] }).containers).toEqual([
      { name: "z", image: "z:1" },
    ]);
    expect(patched({ strategy: { $patch: "replace", type: "Recreate" } }).strategy).toEqual({ type: "Recreate" });
    expect(patched({ strategy: { $patch: "delete" } }).strategy).toEqual({});
  });

  test("$setElementOrder orders a list, elements that it does not name stay near their place", () => {
    const order = { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] };
    expect(patched({ ...order, containers: [{ name: "b", image: "b:2" }] }).containers).toEqual([
      { name: "b", image: "b:2" },
      a,
    ]);
    expect(patched({ "$setElementOrder/containers": [{ name: "b" }] }).containers).toEqual([a, b]);
    expect(patched({ ...order, containers: [{ name: "a", $patch: "delete" }] }).containers).toEqual([b]);
  });

  test("$setElementOrder and the patch must agree", () => {
    const patch = { "$setElementOrder/containers": [{ name: "b" }], containers: [{ name: "a", image: "a:2" }] };
    expect(() => patched(patch)).toThrow(/doesn't match \$setElementOrder list/);
  });

  test("$retainKeys drops what it does not name", () => {
    const patch = { volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/h" } }] };
    expect(patched(patch).volumes).toEqual([{ name: "v", hostPath: { path: "/h" } }]);
    expect(patched({ strategy: { $retainKeys: ["type"], type: "Recreate" } }).strategy).toEqual({ type: "Recreate" });
    expect(() => patched({ strategy: { $retainKeys: ["type"], rolling: {} } })).toThrow(
      "invalid patch format of retainKeys",
    );
  });

  test("$deleteFromPrimitiveList removes values", () => {
    expect(patched({ metadata: { "$deleteFromPrimitiveList/finalizers": ["e.com/b"] } }).metadata).toMatchObject({
      finalizers: ["e.com/a", "e.com/c"],
    });
    const both = {
      "$deleteFromPrimitiveList/finalizers": ["e.com/a"],
      "$setElementOrder/finalizers": ["e.com/d", "e.com/c", "e.com/b"],
      finalizers: ["e.com/d"],
    };
    expect(patched({ metadata: both }).metadata).toMatchObject({ finalizers: ["e.com/d", "e.com/c", "e.com/b"] });
  });

  test("primitive lists merge as sets", () => {
    expect(patched({ metadata: { finalizers: ["e.com/d", "e.com/a"] } }).metadata).toMatchObject({
      finalizers: ["e.com/d", "e.com/a", "e.com/b", "e.com/c"],
    });
  });

  test("an element without its merge key is an error without a reason", () => {
    expect(() => patched({ containers: [{ image: "x" }] })).toThrow(
      expect.objectContaining({
        reason: "",
        code: 500,
        message: "map: map[image:x] does not contain declared merge key: name",
      }),
    );
  });

  test("directives in what is new leave no trace", () => {
    const made = applyStrategicPatch(
      pod,
      {},
      {
        volumes: [
          { name: "v", $retainKeys: ["name"] },
          { name: "w", $patch: "delete" },
        ],
        selector: { a: "1", b: null },
      },
    );
    expect(made).toEqual({ volumes: [{ name: "v" }], selector: { a: "1" } });
  });

  test("what is no object is no patch", () => expect(() => patched([])).toThrow("Invalid JSON document"));
});

test("two lists of many thousands merge in one go", () => {
  const named = (prefix: string, image?: string) =>
    Array.from({ length: 30_000 }, (_, at) => ({ name: `${prefix}${at}`, ...(image ? { image } : {}) }));
  const before = { containers: named("a") };
  const patch = { containers: [...named("b"), ...named("a", "i")] };
  const after = applyStrategicPatch(pod, before, patch) as typeof before;
  expect(after.containers).toHaveLength(60_000);
  expect(after.containers.at(-1)).toEqual({ name: "a29999", image: "i" });
});
