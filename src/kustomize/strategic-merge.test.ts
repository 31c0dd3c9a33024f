import { expect, test } from "vitest";
import { knownType } from "../api/known-type.ts";
import { mergeStrategic } from "./strategic-merge.ts";

const type = knownType("v1", "Pod");
const spec = (value: object) => ({ spec: value });

test.each([
  {
    name: "elements that the patch names come first, in its order",
    before: { containers: [{ name: "a" }, { name: "b", image: "x" }] },
    patch: { containers: [{ name: "c" }, { name: "b", image: "y" }] },
    after: { containers: [{ name: "c" }, { name: "b", image: "y" }, { name: "a" }] },
  },
  {
    name: "of elements with several keys what was there comes last",
    before: { containers: [{ name: "a", ports: [{ containerPort: 80, protocol: "TCP" }] }] },
    patch: { containers: [{ name: "a", ports: [{ containerPort: 80, protocol: "UDP" }] }] },
    after: {
      containers: [
        {
          name: "a",
          ports: [
            { containerPort: 80, protocol: "UDP" },
            { containerPort: 80, protocol: "TCP" },
          ],
        },
      ],
    },
  },
  {
    name: "a key that only some elements have does not tell them apart",
    before: { containers: [{ name: "a", ports: [{ containerPort: 80 }] }] },
    patch: { containers: [{ name: "a", ports: [{ containerPort: 80, protocol: "TCP" }] }] },
    after: { containers: [{ name: "a", ports: [{ containerPort: 80 }] }] },
  },
  {
    name: "an element is deleted by its key",
    before: { containers: [{ name: "a" }, { name: "b" }] },
    patch: { containers: [{ name: "a", $patch: "delete" }] },
    after: { containers: [{ name: "b" }] },
  },
  {
    name: "lists without keys are replaced",
    before: { tolerations: [{ key: "a" }] },
    patch: { tolerations: [{ key: "b" }] },
    after: { tolerations: [{ key: "b" }] },
  },
  {
    name: "null removes, and leaves nothing where nothing was",
    before: { nodeSelector: { a: "b" }, hostname: "x" },
    patch: { nodeSelector: { a: null }, hostname: null, subdomain: null },
    after: { nodeSelector: {} },
  },
])("$name", ({ before, patch, after }) => {
  expect(mergeStrategic(type, spec(before), spec(patch))).toEqual(spec(after));
});

test("a patch that deletes leaves nothing", () => {
  expect(mergeStrategic(type, spec({}), { $patch: "delete" })).toBeUndefined();
});

test("a value of another form is refused", () => {
  expect(() => mergeStrategic(type, spec({ containers: [] }), spec({ containers: { a: 1 } }))).toThrow(
    "wrong node kind: expected SequenceNode but got MappingNode",
  );
});
