import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileProblem } from "../../config/kubeconfig.ts";
import type { Host } from "../../host.ts";
import { CommandError } from "../../messages.ts";

/** Where the data of a ConfigMap or Secret comes from. */
export interface DataSources {
  readonly "from-file": readonly string[];
  readonly "from-literal": readonly string[];
  readonly "from-env-file": readonly string[];
}

/** Reads the sources in upstream's order; `what` is ConfigMap or Secret. Throws CommandError. */
export function readSources(
  sources: DataSources,
  at: { readonly host: Host; readonly what: "ConfigMap" | "Secret"; readonly name: string },
): ReadonlyMap<string, Buffer> {
  if (sources["from-env-file"].length > 0 && (sources["from-file"].length > 0 || sources["from-literal"].length > 0)) {
    throw new CommandError("from-env-file cannot be combined with from-file or from-literal");
  }
  const data = new Map<string, Buffer>();
  const put = (key: string, value: Buffer) => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
      const rule =
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
      throw new CommandError(
        at.what === "ConfigMap"
          ? `"${key}" is not a valid key name for a ConfigMap: ${rule}`
          : `${JSON.stringify(key)} is not valid key name for a Secret ${rule}`,
      );
    }
    if (data.has(key)) {
      throw new CommandError(
        at.what === "ConfigMap"
          ? `cannot add key "${key}", another key by that name already exists in Data for ConfigMap "${at.name}"`
          : `cannot add key ${key}, another key by that name already exists`,
      );
    }
    data.set(key, value);
  };
  for (const source of sources["from-file"]) fromFile(source, at.host, put);
  for (const source of sources["from-literal"]) {
    const split = source.indexOf("=");
    if (split < 1) throw new CommandError(`invalid literal source ${source}, expected key=value`);
    put(source.slice(0, split), Buffer.from(source.slice(split + 1)));
  }
  for (const file of sources["from-env-file"]) fromEnvFile(file, at.host, put);
  return data;
}

type Put = (key: string, value: Buffer) => void;

function fromFile(source: string, host: Host, put: Put): void {
  const parts = source.split("=");
  const [first = "", second] = parts;
  if (parts.length > 2) throw new CommandError("key names or file paths cannot contain '='");
  if (second === "") throw new CommandError(`file path for key name ${first} missing`);
  if (second !== undefined && first === "") throw new CommandError(`key name for file path ${second} missing`);
  const [key, path] = second === undefined ? [basename(first), first] : [first, second];
  const file = resolve(host.cwd, path);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) throw new CommandError(`error reading ${path}: no such file or directory`);
  if (!stat.isDirectory()) {
    put(key, read(file));
    return;
  }
  if (second !== undefined) throw new CommandError("cannot give a key name for a directory path");
  for (const entry of readdirSync(file, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isFile()) put(entry.name, read(join(file, entry.name)));
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(fileProblem(error, file));
  }
}

function fromEnvFile(path: string, host: Host, put: Put): void {
  const file = resolve(host.cwd, path);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) throw new CommandError(`error reading ${path}: no such file or directory`);
  if (stat.isDirectory()) throw new CommandError("env config file cannot be a directory");
  const lines = read(file)
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .split("\n");
  for (const raw of lines) {
    const line = raw.trimStart().replace(/\r$/, "");
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const key = at < 0 ? line : line.slice(0, at);
    if (!/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(key)) {
      throw new CommandError(
        `"${key}" is not a valid key name: a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')`,
      );
    }
    // A name alone takes its value from the environment.
    put(key, Buffer.from(at < 0 ? (host.env[key] ?? "") : line.slice(at + 1)));
  }
}

/** True for bytes that are a text in UTF-8. */
export function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString("utf8"), "utf8").equals(bytes);
}
