import { describe, expect, test } from "vitest";
import { decodeJson, decodeValue } from "./codec-json.ts";
import { deepFreeze } from "./equality.ts";
import { type FactPackage, metaFacts, typeTable } from "./type-table.ts";

const facts: FactPackage = {
  group: "",
  package: "core/v1",
  types: {
    Pod: {
      fields: [
        ["", "meta/v1.TypeMeta", 0, "i"],
        ["metadata", "meta/v1.ObjectMeta", 1, "oe"],
        ["spec", "core/v1.PodSpec", 2, "oe"],
        ["status", "core/v1.PodStatus", 3, "oe"],
      ],
    },
    PodSpec: {
      fields: [
        ["containers", "[]core/v1.Container", 2, ""],
        ["hostNetwork", "bool", 11, "oe"],
        ["securityContext", "*core/v1.Security", 14, "oe"],
        ["nodeSelector", "{}string", 7, "oe"],
        ["grace", "*int64", 4, "oe"],
        ["secretKind", "string", 40, "oe", { gate: "Secret" }],
      ],
    },
    Security: { fields: [["user", "*int64", 1, "oe"]] },
    Container: {
      fields: [
        ["name", "string", 1, ""],
        ["command", "[]string", 3, "oe"],
        ["port", "intOrString", 4, "oe"],
        ["resources", "core/v1.Resources", 8, "oe"],
        ["data", "bytes", 9, "oe"],
        ["extra", "raw", 10, "oe"],
      ],
    },
    Resources: { fields: [["limits", "{}quantity", 1, "oe"]] },
    PodStatus: {
      fields: [
        ["replicas", "int32", 1, ""],
        ["startTime", "*time", 7, "oe"],
        ["probed", "time", 8, "oe"],
        ["window", "*duration", 9, "oe"],
        ["rules", "[]string", 10, ""],
      ],
    },
  },
};
const pod = typeTable([metaFacts, facts], { gate: () => false })("core/v1.Pod")!;
const container = { name: "a", port: 0, resources: {}, extra: null };
const empty = { metadata: {}, spec: { containers: null }, status: { replicas: 0, probed: null, rules: null } };
const decoded = (value: unknown) => decodeValue(pod, value).object as Record<string, Record<string, unknown>>;

describe("decoding gives an object the form that Go would give it", () => {
  test("what Go always prints is there", () => {
    expect(decoded({})).toEqual(empty);
    expect(decoded({ spec: { containers: [{ name: "a" }] } }).spec).toEqual({ containers: [container] });
  });

  test("what Go leaves out when it is empty is left out, and what it prints all the same is null as after protobuf", () => {
    const spec = { containers: [], hostNetwork: false, nodeSelector: {}, securityContext: {}, grace: 0 };
    expect(decoded({ metadata: { labels: {}, finalizers: [], name: "" }, spec })).toEqual({
      ...empty,
      spec: { containers: null, securityContext: {}, grace: 0 },
    });
  });

  test("null means the zero value, wherever it stands", () => {
    const value = {
      metadata: { labels: { a: null }, creationTimestamp: null },
      spec: { containers: [null], securityContext: null, nodeSelector: null },
      status: null,
    };
    expect(decoded(value)).toEqual({
      metadata: { labels: { a: "" } },
      spec: { containers: [{ ...container, name: "" }] },
      status: empty.status,
    });
  });

  test("quantities, times, durations and base64 take their canonical form", () => {
    const value = {
      spec: { containers: [{ name: "a", resources: { limits: { cpu: 0.5, memory: " 1024Mi " } }, data: "YW\nJj" }] },
      status: { startTime: "2016-03-17T01:00:00+01:00", window: "90s", probed: "0001-01-01T00:00:00Z" },
    };
    const { spec, status } = decoded(value);
    expect(spec?.containers).toEqual([
      { ...container, resources: { limits: { cpu: "500m", memory: "1Gi" } }, data: "YWJj" },
    ]);
    expect(status).toMatchObject({ startTime: "2016-03-17T00:00:00Z", window: "1m30s", probed: null });
  });

  test("raw values are carried as they are", () => {
    const extra = { a: [null, {}, ""] };
    expect((decoded({ spec: { containers: [{ name: "a", extra }] } }).spec?.containers as unknown[])[0]).toEqual({
      ...container,
      extra,
    });
  });

  test("an object in that form already is returned as it is", () => {
    const value = deepFreeze({
      ...empty,
      spec: { containers: [container] },
      metadata: { name: "a", labels: { b: "c" } },
    });
    expect(decodeValue(pod, value).object).toBe(value);
  });

  test("the argument is never changed", () => {
    const value = deepFreeze({ nope: 1, spec: { containers: [{ name: "a", nope: { x: 1 } }] } });
    expect(decoded(value).spec).toEqual({ containers: [container] });
  });

  test("a member called __proto__ reaches no prototype", () => {
    const { object } = decodeJson(pod, '{"__proto__":{"x":1},"metadata":{"labels":{"__proto__":"l","b":null}}}');
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    const { labels } = (object as { metadata: { labels: Record<string, string> } }).metadata;
    expect(Object.entries(labels)).toEqual([
      ["__proto__", "l"],
      ["b", ""],
    ]);
  });
});

describe("fields that do not belong", () => {
  const text =
    '{"nope":1,"spec":{"containers":[{"name":"a","foo":{"x":1}},{"name":"b","name":"c"}],"secretKind":"x"},"metadata":{"Name":"x"}}';

  test("they are named when somebody asks", () => {
    expect(decodeJson(pod, text, "Strict").problems).toEqual([
      'unknown field "nope"',
      'unknown field "spec.containers[0].foo"',
      'unknown field "metadata.Name"',
      'duplicate field "spec.containers[1].name"',
    ]);
  });

  test("they are dropped without a word otherwise", () => {
    const { object, problems } = decodeJson(pod, text);
    expect(problems).toEqual([]);
    expect(object).toEqual({
      ...empty,
      spec: {
        containers: [
          { ...container, name: "a" },
          { ...container, name: "c" },
        ],
      },
    });
  });
});

describe("values that do not fit are told in Go's words", () => {
  test.each([
    { value: [], message: "json: cannot unmarshal array into Go value of type v1.Pod" },
    { value: { spec: 1 }, message: "json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec" },
    {
      value: { spec: { containers: [{ name: 1 }] } },
      message: "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string",
    },
    {
      value: { spec: { grace: 1.5 } },
      message: "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.grace of type int64",
    },
    {
      value: { status: { replicas: 3e9 } },
      message: "json: cannot unmarshal number 3000000000 into Go struct field PodStatus.status.replicas of type int32",
    },
    {
      value: { spec: { nodeSelector: { a: true } } },
      message: "json: cannot unmarshal bool into Go struct field PodSpec.spec.nodeSelector of type string",
    },
    {
      value: { spec: { containers: {} } },
      message: "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
    },
    {
      value: { spec: { containers: [{ port: true }] } },
      message: "json: cannot unmarshal bool into Go value of type int32",
    },
    {
      value: { spec: { containers: [{ resources: { limits: { cpu: "lots" } } }] } },
      message: "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    },
    { value: { spec: { containers: [{ data: "!!!" }] } }, message: "illegal base64 data at input byte 0" },
    { value: { status: { window: "1" } }, message: 'time: missing unit in duration "1"' },
  ])("$message", ({ value, message }) => {
    expect(() => decodeValue(pod, value)).toThrow(expect.objectContaining({ code: "invalid", message }));
  });

  test("what is too deep is refused", () => {
    let extra: unknown = {};
    for (let level = 0; level < 20_000; level++) extra = { extra };
    expect(() => decodeValue(pod, { spec: { containers: [{ extra }] } })).toThrow("exceeded max depth");
  });
});
