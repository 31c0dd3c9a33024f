import { describe, expect, test } from "vitest";
import { podType } from "./apply-fixture.ts";
import { Outlines } from "./outline.ts";
import { type Endpoint, zeroObject } from "./ownership.ts";
import { shapeOf } from "./shape.ts";
import { updateManagers } from "./update-managers.ts";

const shape = shapeOf(podType);
const outlines = new Outlines<object>();
const outline = (object: object) => outlines.slotOf(shape, object, zeroObject(podType));

const pod = (spec: object, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a", ...metadata },
  spec,
});
const web = { name: "web", image: "nginx", ports: [{ containerPort: 80, protocol: "TCP" }] };

describe("the outline of a new object", () => {
  test.each([
    { name: "values of named members", a: pod({ replicas: 1 }), b: pod({ replicas: 2 }) },
    { name: "values of labels", a: pod({}, { labels: { x: "1" } }), b: pod({}, { labels: { x: "2" } }) },
    { name: "what is owned as a whole", a: pod({ tolerations: [{ key: "a" }] }), b: pod({ tolerations: [] }) },
  ])("$name make no difference", ({ a, b }) => {
    expect(outline(a)).toBe(outline(b));
  });

  test.each([
    { name: "another label", a: pod({}, { labels: { x: "" } }), b: pod({}, { labels: { y: "" } }) },
    {
      name: "labels whose names run together",
      a: pod({}, { labels: { "a b": "", c: "" } }),
      b: pod({}, { labels: { a: "", "b c": "" } }),
    },
    { name: "another key of a list", a: pod({ containers: [web] }), b: pod({ containers: [{ ...web, name: "db" }] }) },
    { name: "one more element", a: pod({ containers: [web] }), b: pod({ containers: [web, { name: "db" }] }) },
    {
      name: "an empty map in place of one with members",
      a: pod({}, { labels: { x: "" } }),
      b: pod({}, { labels: {} }),
    },
    {
      name: "a key that is left out because it is the default",
      a: pod({ containers: [web] }),
      b: pod({ containers: [{ ...web, ports: [{ containerPort: 80 }] }] }),
    },
    { name: "an absent member", a: pod({ replicas: 1 }), b: pod({}) },
    { name: "other members of a value without a type", a: pod({ extra: { a: 1 } }), b: pod({ extra: { b: 1 } }) },
    { name: "a value that is an object", a: pod({ extra: { a: 1 } }), b: pod({ extra: { a: {} } }) },
    { name: "nothing in place of a list", a: pod({ containers: [] }), b: pod({ containers: null }) },
  ])("$name shows", ({ a, b }) => {
    expect(outline(a)).not.toBe(outline(b));
  });
});

describe("the manager of a new object", () => {
  const endpoint: Endpoint = { apiVersion: "v1", type: podType };
  const ownersOf = (next: object, at: Endpoint) => {
    const made = updateManagers({ live: undefined, next, endpoint: at, manager: "m", time: "2026-01-01T00:00:00Z" });
    return (made as { metadata: { managedFields: { fieldsV1: object }[] } }).metadata.managedFields;
  };
  const objects = [
    pod({ containers: [web] }),
    pod({ containers: [{ ...web, image: "redis" }] }, { labels: { app: "x" } }),
    pod({ containers: [web, { name: "db", args: [] }], volumes: [{ name: "v", emptyDir: {} }] }),
    pod({ containers: [], extra: { deep: { er: [1] } } }),
  ];

  test("is the same whether its fields were worked out before or not", () => {
    for (const object of objects) {
      const fresh = ownersOf(object, { ...endpoint });
      expect(ownersOf(object, endpoint)).toEqual(fresh);
      expect(ownersOf(object, endpoint)).toEqual(fresh);
    }
  });

  test("shares its fields with that of an object made from the same template", () => {
    const [first] = ownersOf(pod({ containers: [web] }, { labels: { app: "a" } }), endpoint);
    const [second] = ownersOf(pod({ containers: [{ ...web, image: "x" }] }, { labels: { app: "b" } }), endpoint);
    expect(second!.fieldsV1).toBe(first!.fieldsV1);
  });
});
