import { describe, expect, test } from "vitest";
import {
  allLibraries,
  authorizerValue,
  type CelSchema,
  celTypes,
  compileCel,
  lazyFields,
  misplacedType,
  mutationStructs,
  schemaType,
  toJson,
} from "./cel.ts";

const { bool, dyn, int, list, string } = { ...celTypes, list: celTypes.listOf(celTypes.string) };
const variables = { x: int, s: string, b: bool, d: dyn, names: list };
const values = { x: 5, s: "text", b: true, d: { a: [1, 2.5, { b: null }], "k-1": "v" }, names: ["a", "b"] };

function evaluate(source: string, limit = 1_000_000): unknown {
  const compiled = compileCel(source, { variables, libraries: allLibraries });
  if (!compiled.ok) return { compile: compiled.errors.map(({ message }) => message) };
  const result = compiled.program.evaluate(values, { costLimit: limit });
  return result.ok ? toJson(result.value) : { error: result.error };
}

describe("faults found before evaluation", () => {
  test.each([
    [
      "an unknown name",
      "nope + 1",
      "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope + 1\n | ^",
    ],
    [
      "an unknown function",
      "x.frob()",
      "ERROR: <input>:1:7: undeclared reference to 'frob' (in container '')\n | x.frob()\n | ......^",
    ],
    [
      "an operator on other types",
      "x + s",
      "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | x + s\n | ..^",
    ],
    [
      "a method on another type",
      "x.matches('a')",
      "ERROR: <input>:1:10: found no matching overload for 'matches' applied to 'int.(string)'\n | x.matches('a')\n | .........^",
    ],
    ["a field of a number", "x.y", "ERROR: <input>:1:2: type 'int' does not support field selection\n | x.y\n | .^"],
    [
      "a loop over a number",
      "x.all(i, i > 0)",
      "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | x.all(i, i > 0)\n | ^",
    ],
    [
      "a list of several types",
      "[1, 'a']",
      "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^",
    ],
    ["a word that is reserved", "while", "ERROR: <input>:1:1: reserved identifier: while\n | while\n | ^"],
    [
      "a duration that is none",
      "duration('1x')",
      "ERROR: <input>:1:10: invalid duration argument\n | duration('1x')\n | .........^",
    ],
    [
      "a pattern that is none",
      "s.matches('(')",
      "ERROR: <input>:1:11: invalid matches argument\n | s.matches('(')\n | ..........^",
    ],
  ])("%s", (_, source, display) => {
    const compiled = compileCel(source, { variables });
    expect(compiled.ok ? [] : compiled.errors.map((issue) => issue.display)).toEqual([display]);
  });

  test("the end of a source that is not complete is pointed at", () => {
    const compiled = compileCel("1 +", { variables });
    expect(compiled).toMatchObject({ ok: false, errors: [{ line: 1, column: 3 }] });
    expect(!compiled.ok && compiled.errors[0]?.message).toContain("Syntax error: mismatched input '<EOF>'");
  });

  test("a library that is switched off is not there", () => {
    expect(compileCel("math.abs(-1) == 1", { variables })).toMatchObject({ ok: false });
    expect(compileCel("s.trim()", { variables, libraries: ["standard"] })).toMatchObject({ ok: false });
  });
});

describe("faults of an evaluation", () => {
  test.each([
    ["x / 0", "division by zero"],
    ["x % 0", "modulus by zero"],
    ["9223372036854775807 + x", "integer overflow"],
    ["d.nope", "no such key: nope"],
    ["d['nope']", "no such key: nope"],
    ["d.a[9]", "index out of bounds: 9"],
    ["d.a + 1", "no such overload"],
    ["optional.none().value()", "optional.none() dereference"],
    ["int(s)", "type conversion error from 'string' to 'int'"],
  ])("%s", (source, error) => {
    expect(evaluate(source)).toEqual({ error });
  });

  test("what decides makes a fault on the other side not matter", () => {
    expect(evaluate("x / 0 == 1 || b")).toBe(true);
    expect(evaluate("names.exists(n, d[n] == 1 || n == 'b')")).toBe(true);
  });

  test("a declared variable that is not given is a fault only when used", () => {
    const compiled = compileCel("b || x == 1", { variables });
    if (!compiled.ok) throw new Error("does not compile");
    expect(compiled.program.variables).toEqual(["b", "x"]);
    expect(compiled.program.evaluate({ b: true }, { costLimit: 100 })).toMatchObject({ ok: true, value: true });
    expect(compiled.program.evaluate({ b: false }, { costLimit: 100 })).toMatchObject({
      ok: false,
      error: "no such attribute(s): x",
    });
  });

  test("null is a value, not the absence of one", () => {
    expect(evaluate("d.a[2].b == null && has(d.a[2].b)")).toBe(true);
  });
});

const schema: CelSchema = {
  type: "object",
  required: ["replicas"],
  properties: {
    replicas: { type: "integer" },
    "max-surge": { "x-kubernetes-int-or-string": true },
    namespace: { type: "string", maxLength: 10 },
    at: { type: "string", format: "date-time" },
    day: { type: "string", format: "date" },
    wait: { type: "string", format: "duration" },
    raw: { type: "string", format: "byte" },
    ports: { type: "array", maxItems: 4, items: { type: "integer" }, "x-kubernetes-list-type": "set" },
    labels: { type: "object", maxProperties: 3, additionalProperties: { type: "string", maxLength: 5 } },
    items: {
      type: "array",
      maxItems: 2,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: { type: "object", properties: { name: { type: "string" }, value: { type: "number" } } },
    },
    unknown: { "x-kubernetes-preserve-unknown-fields": true },
  },
};

describe("values with a schema", () => {
  const self = schemaType(schema, { name: "Widget" }) ?? dyn;
  const object = {
    replicas: 3,
    "max-surge": "25%",
    namespace: "ns",
    at: "2026-01-02T03:04:05.5+02:00",
    day: "2026-01-02",
    wait: "90s",
    raw: "aGk=",
    ports: [1, 2],
    labels: { "a.b/c": "v" },
    items: [{ name: "one", value: 1 }],
    unknown: { x: 1 },
  };

  test.each([
    ["self.replicas == 3 && type(self.replicas) == int", true],
    ["self.max__dash__surge == '25%' && type(self.max__dash__surge) == string", true],
    ["self.__namespace__", "ns"],
    ["self.at == timestamp('2026-01-02T01:04:05.5Z')", true],
    ["self.day.getDayOfMonth()", 1],
    ["self.wait > duration('1m')", true],
    ["self.raw == b'hi'", true],
    ["self.ports == [2, 1]", true],
    ["self.ports + [2, 3]", [1, 2, 3]],
    ["self.labels['a.b/c']", "v"],
    ["self.items.all(i, i.value == 1.0)", true],
    ["self.items == self.items && self == self", true],
    ["has(self.replicas) && !has(self.items[0].nope) || true", { compile: ["undefined field 'nope'"] }],
    ["self.unknown", { compile: ["undefined field 'unknown'"] }],
    ["self.replicas == 'a'", { compile: ["found no matching overload for '_==_' applied to '(int, string)'"] }],
  ])("%s", (source, expected) => {
    const compiled = compileCel(source, { variables: { self } });
    if (!compiled.ok) return expect({ compile: compiled.errors.map(({ message }) => message) }).toEqual(expected);
    const result = compiled.program.evaluate({ self: object }, { costLimit: 1_000_000 });
    return expect(result.ok ? toJson(result.value) : result.error).toEqual(expected);
  });

  test("the root of a resource has its names, whatever the schema says", () => {
    const root = schemaType(schema, { root: true }) ?? dyn;
    const compiled = compileCel("self.metadata.name + self.kind", { variables: { self: root } });
    expect(
      compiled.ok && compiled.program.evaluate({ self: { kind: "K", metadata: { name: "n" } } }, { costLimit: 99 }),
    ).toMatchObject({ value: "nK" });
  });

  test("a schema that contains itself has a type", () => {
    const tree: { type: string; properties: Record<string, CelSchema> } = {
      type: "object",
      properties: { leaf: { type: "string" } },
    };
    tree.properties.child = tree;
    const compiled = compileCel("self.child.child.leaf == 'x'", { variables: { self: schemaType(tree) ?? dyn } });
    expect(compiled).toMatchObject({ ok: true });
  });

  test("what is optional is absent as null", () => {
    const compiled = compileCel("old.optMap(o, o.replicas).orValue(0)", {
      variables: { old: celTypes.optionalOf(self) },
    });
    if (!compiled.ok) throw new Error("does not compile");
    expect(compiled.program.evaluate({ old: null }, { costLimit: 99 })).toMatchObject({ value: 0n });
    expect(compiled.program.evaluate({ old: { replicas: 4 } }, { costLimit: 99 })).toMatchObject({ value: 4n });
  });

  test("a pattern too large to compile is refused", () => {
    const large = "a{1000}".repeat(60);
    expect(compileCel(`self.__namespace__.matches('${large}')`, { variables: { self } })).toMatchObject({ ok: false });
  });

  test("an object that itself is declared keeps a mistaken value from a wrong answer", () => {
    const compiled = compileCel("self.replicas > 1", { variables: { self } });
    expect(compiled.ok && compiled.program.evaluate({ self: { replicas: "many" } }, { costLimit: 99 })).toMatchObject({
      ok: false,
    });
  });
});

describe("the static estimate", () => {
  const self = schemaType(schema) ?? dyn;
  test.each([
    ["self.replicas > 1", { min: 3, max: 3 }],
    ["self.ports.all(p, p > 0)", { min: 3, max: 3 + 4 * 5 }],
    ["self.__namespace__.contains('a')", { min: 2, max: 2 + 4 }],
    ["self.labels.all(k, self.labels[k] == 'x')", { min: 3, max: 3 + 3 * 8 }],
    ["has(self.replicas)", { min: 1, max: 1 }],
    ["[1, 2, 3].all(x, true)", { min: 20, max: 20 }],
    ["self.items.map(i, i.name).size()", { min: 14, max: 14 + 2 * 14 }],
    ["self.replicas > 0 ? self.ports.size() : 0", { min: 3, max: 6 }],
  ])("%s", (source, expected) => {
    const compiled = compileCel(source, { variables: { self } });
    expect(compiled.ok && compiled.program.estimatedCost).toEqual(expected);
  });

  test("lists that nothing bounds are as long as a request allows", () => {
    const loose = schemaType({ type: "array", items: { type: "string" } }) ?? dyn;
    const compiled = compileCel("self.all(a, self.all(b, a != b))", { variables: { self: loose } });
    expect(compiled.ok && compiled.program.estimatedCost.max).toBeGreaterThan(1e10);
  });
});

const ten = "[0,1,2,3,4,5,6,7,8,9]";
const nested = (depth: number): string => (depth === 0 ? "false" : `${ten}.exists(v${depth}, ${nested(depth - 1)})`);
const doubled = (depth: number, what: string): string =>
  depth === 0 ? `size(a0) > 0` : `cel.bind(a0, ${what}, ${doubled(depth - 1, what)})`;

describe("bombs end at the limit of cost", () => {
  test.each([
    ["nested loops", nested(12)],
    ["loops whose every step fails", nested(11).replace("false", "d.nope == 1")],
    ["a text doubled forty times", `cel.bind(a0, 'xxxxxxxxxx', ${doubled(40, "a0 + a0")})`],
    ["a text replaced by itself", `cel.bind(a0, 'aaaaaaaaaa', ${doubled(12, "a0.replace('a', a0)")})`],
    [
      "two lists of lists, each twice the last, compared",
      `cel.bind(a, [1], cel.bind(b, [1], ${"cel.bind(a, [dyn(a), dyn(a)], cel.bind(b, [dyn(b), dyn(b)], ".repeat(50)}a == b${"))".repeat(51)}`,
    ],
    [
      "a list joined that holds one text very often",
      `cel.bind(a0, ['${"x".repeat(1000)}'], ${doubled(30, "a0 + a0").replace("size(a0) > 0", "a0.join() == ''")})`,
    ],
    [
      "a list sorted that is endless",
      `cel.bind(a0, [1], ${doubled(40, "a0 + a0").replace("size(a0) > 0", "a0.sort() == a0")})`,
    ],
    ["a range without end", "lists.range(9000000000).size() > 0"],
    [
      "a pattern run over a long text",
      `cel.bind(a0, 'aaaaaaaaaa', ${doubled(20, "a0 + a0").replace("size(a0) > 0", "a0.matches('(a+)+(a+)+(a+)+$b')")})`,
    ],
    [
      "patterns without end, each made anew",
      `${ten}.all(i, ${ten}.all(j, ${ten}.all(k, 'a'.matches('((a{9}){9}){9}' + string(i * 100 + j * 10 + k)) || true)))`,
    ],
    [
      "a large pattern run over a long text",
      `cel.bind(a0, 'aaaaaaaaaa', ${doubled(15, "a0 + a0").replace("size(a0) > 0", "a0.matches('([ab]{0,31}){0,31}c')")})`,
    ],
    [
      "a long text measured again and again",
      `cel.bind(a0, 'aaaaaaaaaa', ${doubled(18, "a0 + a0").replace("size(a0) > 0", `${ten}.all(i, ${ten}.all(j, ${ten}.all(k, size(a0) > 0)))`)})`,
    ],
  ])("%s", (_, source) => {
    const compiled = compileCel(source, { variables, libraries: allLibraries });
    if (!compiled.ok) throw new Error(compiled.errors[0]?.display);
    const result = compiled.program.evaluate(values, { costLimit: 1_000_000 });
    expect(result).toMatchObject({
      ok: false,
      error: "operation cancelled: actual cost limit exceeded",
      overBudget: true,
    });
  });

  test("a source nested too deep is refused", () => {
    expect(compileCel(`${"(".repeat(5000)}1${")".repeat(5000)}`, { variables })).toMatchObject({ ok: false });
    expect(compileCel(`x${" + x".repeat(20_000)} > 0`, { variables })).toMatchObject({ ok: false });
    expect(compileCel(`x${".y".repeat(20_000)}`, { variables: { x: dyn } })).toMatchObject({ ok: false });
    expect(compileCel(`${"!".repeat(90_000)}b`, { variables })).toMatchObject({ ok: true });
    expect(
      compileCel(Array.from({ length: 5000 }, (_, index) => `x == ${index}`).join(" || "), { variables }),
    ).toMatchObject({ ok: true });
  });

  test("a value that grows when written is not written", () => {
    const source = `cel.bind(a0, [1], ${"cel.bind(a0, [dyn(a0), dyn(a0)], ".repeat(60)}a0${")".repeat(60)})`;
    expect(evaluate(source)).toMatchObject({ message: "value has more than 1000000 parts" });
  });
});

describe("what callers bring", () => {
  test("fields that are worked out when asked for are worked out once", () => {
    let calls = 0;
    const type = celTypes.objectType("variables", { heavy: int, other: int });
    const lazy = lazyFields(type, {
      heavy: () => {
        calls++;
        return 7;
      },
      other: () => {
        throw new Error("not asked for");
      },
    });
    const compiled = compileCel("variables.heavy + variables.heavy", { variables: { variables: type } });
    expect(compiled.ok && compiled.program.evaluate({ variables: lazy }, { costLimit: 99 })).toMatchObject({
      value: 14n,
    });
    expect(calls).toBe(1);
  });

  test("the authorizer is asked what the expression puts together, and reading its answer is cheap", () => {
    const asked: unknown[] = [];
    const authorizer = authorizerValue((question) => {
      asked.push(question);
      return { allowed: question.verb === "get", reason: "because" };
    });
    const source =
      "authorizer.group('apps').resource('deployments').subresource('scale').namespace('ns').name('n').check('get').allowed() && authorizer.serviceAccount('ns', 'sa').path('/healthz').check('post').reason() == 'because'";
    const compiled = compileCel(source, {
      variables: { authorizer: celTypes.opaque("kubernetes.authorization.Authorizer") },
    });
    expect(compiled.ok && compiled.program.evaluate({ authorizer }, { costLimit: 1_000_000 })).toMatchObject({
      ok: true,
      value: true,
    });
    expect(asked).toEqual([
      { group: "apps", resource: "deployments", subresource: "scale", namespace: "ns", name: "n", verb: "get" },
      { serviceAccount: { namespace: "ns", name: "sa" }, path: "/healthz", verb: "post" },
    ]);
  });

  test("an expression can ask an authorizer only twice within a call's limit", () => {
    const authorizer = authorizerValue(() => ({ allowed: true, reason: "" }));
    const once = "authorizer.path('/a').check('get').allowed()";
    const compiled = compileCel(`${once} && ${once} && ${once}`, {
      variables: { authorizer: celTypes.opaque("kubernetes.authorization.Authorizer") },
    });
    expect(compiled.ok && compiled.program.evaluate({ authorizer }, { costLimit: 1_000_000 })).toMatchObject({
      overBudget: true,
    });
  });

  test("objects and patches of mutating policies are built, and misplaced types found", () => {
    const build = (source: string) => {
      const compiled = compileCel(source, { variables, libraries: allLibraries, structs: mutationStructs });
      if (!compiled.ok) return compiled.errors[0]?.message;
      const result = compiled.program.evaluate(values, { costLimit: 1000 });
      return result.ok ? (misplacedType(result.value) ?? toJson(result.value)) : result.error;
    };
    expect(build("Object{spec: Object.spec{replicas: x}}")).toEqual({ spec: { replicas: 5 } });
    expect(build("Object{spec: Object.wrong{replicas: x}}")).toContain(
      'unexpected type name "Object.wrong", expected "Object.spec"',
    );
    expect(build("[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('x/y~z'), value: x}][0].path")).toBe(
      "/a/x~1y~0z",
    );
    expect(build("JSONPatch{op: 1}")).toBe("expected type of field 'op' is 'string' but provided type is 'int'");
  });
});
