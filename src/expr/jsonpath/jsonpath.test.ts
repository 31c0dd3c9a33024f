import { describe, expect, test } from "vitest";
import { compileJsonPath, relaxedJsonPath } from "./jsonpath.ts";

const list = {
  kind: "List",
  items: [
    {
      kind: "None",
      metadata: { name: "127.0.0.1" },
      status: { capacity: { cpu: "4" }, addresses: [{ type: "A", n: 1 }] },
    },
    {
      kind: "None",
      metadata: { name: "127.0.0.2", labels: { "kubernetes.io/host": "b" } },
      status: {
        capacity: { cpu: "8" },
        addresses: [
          { type: "B", n: 2 },
          { type: "C", n: 3 },
        ],
      },
    },
  ],
  users: [
    { name: "myself", user: {}, ready: true },
    { name: "e2e", user: { username: "admin", password: "secret" } },
  ],
};

describe("what a template prints", () => {
  test.each([
    { template: "{.kind}", prints: "List" },
    { template: "{@.kind}", prints: "List" },
    { template: "kind is {$.kind}\n", prints: "kind is List\n" },
    { template: "{['kind']}", prints: "List" },
    { template: "{.items[*].metadata.name}", prints: "127.0.0.1 127.0.0.2" },
    {
      template: "{.items[*]['metadata.name', 'status.capacity']}",
      prints: '127.0.0.1 127.0.0.2 {"cpu":"4"} {"cpu":"8"}',
    },
    { template: '{.users[?(@.name=="e2e")].user.password}', prints: "secret" },
    { template: "{.users[?(@.name!='e2e')].name}", prints: "myself" },
    { template: "{.users[?(@.ready==true)].name}", prints: "myself" },
    { template: "{.users[?(@.user.username)].name}", prints: "e2e" },
    { template: "{.items[*].status.addresses[?(@.n>=2)].type}", prints: "B C" },
    { template: "{.items[*].status.addresses[?(@.n < 2)].type}", prints: "A" },
    { template: "{..name}", prints: "127.0.0.1 127.0.0.2 myself e2e" },
    { template: "{.items..cpu}", prints: "4 8" },
    { template: "{.items[0].metadata.name}", prints: "127.0.0.1" },
    { template: "{.items[-1].metadata.name}", prints: "127.0.0.2" },
    { template: "{.items[-2:-1].metadata.name}", prints: "127.0.0.1" },
    { template: "{.items[0:2:2].metadata.name}", prints: "127.0.0.1" },
    { template: "{.items[1:].metadata.name}", prints: "127.0.0.2" },
    { template: "{.items[0,1].metadata.name}", prints: "127.0.0.1 127.0.0.2" },
    { template: "{.items[1].metadata.labels.kubernetes\\.io/host}", prints: "b" },
    { template: "{.items[1].metadata.labels['kubernetes\\.io/host']}", prints: "b" },
    {
      template: "{range .items[*]}[{.metadata.name}, {.status.capacity.cpu}] {end}",
      prints: "[127.0.0.1, 4] [127.0.0.2, 8] ",
    },
    { template: '{range .items[*]}{.metadata.name}{"\\t"}{end}', prints: "127.0.0.1\t127.0.0.2\t" },
    { template: "{range .items[*]}{range .status.addresses[*]}{.type}{end};{end}", prints: "A;BC;" },
    { template: "{.users[0].user}", prints: "{}" },
    { template: "{.users[*].user.*}", prints: "admin secret" },
    { template: "{.users[?(@.name == ')')]}.", prints: "." },
    { template: "{'it''s'}{1.5}{true}", prints: "s1.5true" },
    {
      template: "{.}",
      prints: JSON.stringify({ items: [], kind: "List", users: [] }),
      data: { users: [], kind: "List", items: [] },
    },
  ])("$template", ({ template, prints, data }) => {
    expect(compileJsonPath(template).print(data ?? list)).toBe(prints);
  });

  test("a range over nothing prints nothing, and what follows it is printed", () => {
    expect(compileJsonPath("{range .none[*]}x{end}y").print({ none: [] })).toBe("y");
  });

  test("missing members are nothing when that is allowed", () => {
    expect(compileJsonPath("{.a.b}-{.c}").print({ a: {} }, { allowMissingKeys: true })).toBe("-");
  });
});

describe("what is refused", () => {
  test.each([
    { template: "{.kind", message: "unclosed action" },
    { template: "{.items[0}", message: "unterminated array" },
    { template: "{.items[x]}", message: "invalid array index x" },
    { template: "{.items[?(@.a]}", message: "unterminated filter" },
    { template: "{'a}", message: "unterminated quoted string" },
    { template: "{....a}", message: "invalid multiple recursive descent" },
    { template: "{*}", message: "unrecognized character in action: U+002A '*'" },
    { template: "{end}", message: "not in range, nothing to end" },
    { template: "{hello}", message: "unrecognized identifier hello" },
    { template: "{.nope}", message: "nope is not found" },
    { template: "{.items[2]}", message: "array index out of bounds: index 2, length 2" },
    { template: "{.items[-3]}", message: "array index out of bounds: index -1, length 2" },
    { template: "{.kind[0]}", message: "List is not array or slice" },
    { template: "{.items[0:2:0]}", message: "step must be > 0" },
    { template: "{.users[?(@.name==='x')]}", message: "unrecognized filter operator ===" },
  ])("$template", ({ template, message }) => {
    expect(() => compileJsonPath(template).print(list)).toThrow(message);
  });
});

test.each([
  { text: "a.b", path: "{.a.b}" },
  { text: ".a", path: "{.a}" },
  { text: "{a}", path: "{.a}" },
  { text: "{.a}", path: "{.a}" },
])("$text may be written without braces", ({ text, path }) => {
  expect(relaxedJsonPath(text)).toBe(path);
});

test("a path with braces on one side only is refused", () => {
  expect(() => relaxedJsonPath("{.a")).toThrow("unexpected path string");
});
