import { basename } from "node:path/posix";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Root } from "./files.ts";
import type { Generator } from "./kustomization.ts";

/** A key of a ConfigMap or Secret and the bytes that it stands for. */
export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** Everything that a generator's sources give, in upstream's order. Throws `invalid`. */
export function keyValues({ envs = [], env, literals = [], files = [] }: Generator, root: Root): readonly KeyValue[] {
  const envFiles = env ? [...envs, env] : envs;
  return [
    ...told(`env source files: ${listText(envFiles)}`, () => envFiles.flatMap((path) => fromEnvFile(path, root))),
    ...told(`literal sources ${listText(literals)}`, () => literals.map(fromLiteral)),
    ...told(`file sources: ${listText(files)}`, () => files.map((source) => fromFile(source, root))),
  ];
}

const listText = (items: readonly string[]) => `[${items.join(" ")}]`;

function told(what: string, read: () => readonly KeyValue[]): readonly KeyValue[] {
  try {
    return read();
  } catch (error) {
    throw new Fault("invalid", `loading KV pairs: ${what}: ${errorMessage(error)}`);
  }
}

function fromLiteral(source: string): KeyValue {
  const at = source.indexOf("=");
  if (at < 1) throw new Fault("invalid", `invalid literal source ${source}, expected key=value`);
  return { key: source.slice(0, at), value: bytes(source.slice(at + 1).replace(/^["']+|["']+$/g, "")) };
}

function fromFile(source: string, root: Root): KeyValue {
  const parts = source.split("=");
  const [first = "", second] = parts;
  if (parts.length > 2) throw new Fault("invalid", "key names or file paths cannot contain '='");
  if (second === undefined) return { key: basename(first), value: root.read(first) };
  if (first === "") throw new Fault("invalid", `missing key name for file path "${second}" in source "${source}"`);
  if (second === "") throw new Fault("invalid", `missing file path for key name "${first}" in source "${source}"`);
  return { key: first, value: root.read(second) };
}

function fromEnvFile(path: string, root: Root): readonly KeyValue[] {
  const text = root.readText(path).replace(/^\ufeff/, "");
  return text.split("\n").flatMap((raw) => {
    const line = raw.trimStart().replace(/\r$/, "");
    if (line === "" || line.startsWith("#")) return [];
    const at = line.indexOf("=");
    if (at === 0) throw new Fault("invalid", `invalid env line ${line}`);
    return at < 0 ? { key: line, value: bytes("") } : { key: line.slice(0, at), value: bytes(line.slice(at + 1)) };
  });
}
