/**
 * Turns protobufjs descriptors into what the CRI driver uses: the same descriptor with camelCase fields and without the
 * services' parts that we do not speak (`*.json`), and TypeScript types of its messages (`*.ts`).
 *
 * Run by hand when a descriptor changes: `node src/node/runtime/proto/generate.ts <descriptors' directory>`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: string;
  readonly keyType?: string;
}
interface Node {
  readonly fields?: Readonly<Record<string, Field>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly methods?: Readonly<Record<string, Method>>;
  readonly nested?: Readonly<Record<string, Node>>;
  readonly options?: Readonly<Record<string, unknown>>;
}
interface Method {
  readonly requestType: string;
  readonly responseType: string;
  readonly responseStream?: boolean;
}

const unspoken = /^(Stream|Checkpoint|ListMetric|ListPodSandboxMetrics|UpdateRuntimeConfig)/;
const camel = (name: string): string =>
  name
    .replace(/^[A-Z]+/, (start) => start.toLowerCase())
    .replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());

function main(source: string, out: string): void {
  const cri = read(join(source, "proto-cri-v1.json"));
  const v1 = at(cri, ["runtime", "v1"]);
  const spoken = { RuntimeService: service(v1, "RuntimeService"), ImageService: service(v1, "ImageService") };
  const types = reachable(v1.nested ?? {}, spoken);
  write(join(out, "cri-v1.json"), { nested: { runtime: { nested: { v1: { nested: { ...spoken, ...types } } } } } });
  writeFileSync(join(out, "cri-v1.ts"), typescript({ ...spoken, ...types }));

  const events = renamed(read(join(source, "proto-containerd-events-v1.json")));
  write(join(out, "containerd-events-v1.json"), events);
}

function read(path: string): Node {
  return JSON.parse(readFileSync(path, "utf8")) as Node;
}

function at(root: Node, path: readonly string[]): Node {
  return path.reduce((node, name) => {
    const next = node.nested?.[name];
    if (!next) throw new Error(`no ${name} in the descriptor`);
    return next;
  }, root);
}

function service(v1: Node, name: string): Node {
  const methods = Object.entries(at(v1, [name]).methods ?? {}).filter(([method]) => !unspoken.test(method));
  return { methods: Object.fromEntries(methods) };
}

function reachable(
  all: Readonly<Record<string, Node>>,
  services: Readonly<Record<string, Node>>,
): Record<string, Node> {
  const found: Record<string, Node> = {};
  const visit = (name: string) => {
    const node = all[name];
    if (!node || found[name] || name.startsWith("Windows")) return;
    found[name] = renamed(node);
    const inner = Object.values(node.nested ?? {}).flatMap((child) => Object.values(child.fields ?? {}));
    for (const field of [...Object.values(node.fields ?? {}), ...inner]) visit(field.type);
  };
  for (const { methods } of Object.values(services)) {
    for (const method of Object.values(methods ?? {})) {
      visit(method.requestType);
      visit(method.responseType);
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function renamed(node: Node): Node {
  const fields =
    node.fields &&
    Object.entries(node.fields)
      .filter(([, { type }]) => !type.startsWith("Windows"))
      .map(([name, field]) => [camel(name), field] as const);
  const nested = node.nested && Object.entries(node.nested).map(([name, child]) => [name, renamed(child)] as const);
  return {
    ...(fields && { fields: Object.fromEntries(fields) }),
    ...(node.values && { values: node.values }),
    ...(node.methods && { methods: node.methods }),
    ...(nested && { nested: Object.fromEntries(nested) }),
  };
}

function typescript(nodes: Readonly<Record<string, Node>>): string {
  const scalars: Readonly<Record<string, string>> = {
    string: "string",
    bytes: "Uint8Array",
    bool: "boolean",
    int32: "number",
    int64: "number",
    uint32: "number",
    uint64: "number",
    double: "number",
  };
  const lines = [
    "// Made by generate.ts from the CRI v1 descriptor; do not edit.",
    "// Fields are optional when sending; when receiving, scalars, lists and maps are always there (see criWire.ts).",
    "",
  ];
  const walk = (name: string, node: Node) => {
    for (const [child, inner] of Object.entries(node.nested ?? {})) walk(child, inner);
    if (node.values) {
      lines.push(
        `export type ${name} = ${Object.keys(node.values)
          .map((value) => JSON.stringify(value))
          .join(" | ")};`,
        "",
      );
    } else if (node.fields && Object.keys(node.fields).length === 0) {
      lines.push(`export type ${name} = Readonly<Record<string, never>>;`, "");
    } else if (node.fields) {
      lines.push(`export interface ${name} {`);
      for (const [field, { type, rule, keyType }] of Object.entries(node.fields)) {
        const one = scalars[type] ?? type;
        lines.push(
          `  readonly ${field}?: ${keyType ? `Readonly<Record<string, ${one}>>` : rule === "repeated" ? `readonly ${one}[]` : one};`,
        );
      }
      lines.push("}", "");
    } else if (node.methods) {
      lines.push(`export interface ${name} {`);
      for (const [method, { requestType, responseType, responseStream }] of Object.entries(node.methods)) {
        lines.push(
          `  readonly ${method}: { readonly request: ${requestType}; readonly response: ${responseType}; readonly stream: ${responseStream === true} };`,
        );
      }
      lines.push("}", "");
    }
  };
  for (const [name, node] of Object.entries(nodes)) walk(name, node);
  return lines.join("\n");
}

function write(path: string, value: Node): void {
  writeFileSync(path, `${JSON.stringify(value)}\n`);
}

main(process.argv[2] ?? ".", dirname(fileURLToPath(import.meta.url)));
