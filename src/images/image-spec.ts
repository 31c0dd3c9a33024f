import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { load } from "js-yaml";
import { errorMessage, Fault } from "../lib/fault.ts";

/** Where a layer's content comes from. */
export type ImageSource =
  /** A folder that is the image's root as it stands. */
  | { readonly rootfs: string }
  /** Executables by their path in the image; they must bring all they need. */
  | { readonly binaries: Readonly<Record<string, string>> }
  /** Debian packages and what they depend on, except `without`, whose own dependencies go too unless another package needs them. */
  | { readonly packages: readonly string[]; readonly without?: readonly string[] }
  /** The pinned Node.js with its libraries, at /usr/bin/node. */
  | { readonly node: true }
  /** A static busybox and a link for each of its commands. */
  | { readonly busybox: true }
  /** The program that holds a pod's namespaces, at /pause. */
  | { readonly pause: true };

/** A file put into the image after all sources. */
export type ImageFile = {
  readonly path: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
} & (
  | { readonly content: string }
  /** A file or a whole folder of the machine that builds. */
  | { readonly copy: string }
  | { readonly link: string }
  | { readonly folder: true }
);

/** An image as a person describes it: what is in it and how it starts. Paths of the building machine are absolute here. */
export interface ImageSpec {
  /** A full reference such as `navarch.local/redis:7`. */
  readonly name: string;
  /** Other references under which the same image is known once it is imported. */
  readonly aliases: readonly string[];
  /** Stacked in this order, each its own layer. */
  readonly from: readonly ImageSource[];
  readonly files: readonly ImageFile[];
  /** Users added to /etc/passwd, each with a group of the same number. */
  readonly users: Readonly<Record<string, number>>;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly user?: string;
  /** Such as `6379/tcp`. */
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
}

/** Reads an image specification from a YAML file; paths in it are relative to its folder. Faults name the field that is wrong. */
export async function readImageSpec(file: string): Promise<ImageSpec> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new Fault("missing", `cannot read the image specification ${file}: ${errorMessage(cause)}`, { cause });
  });
  let value: unknown;
  try {
    value = load(text, { filename: file });
  } catch (cause) {
    throw new Fault("invalid", `${file} is not YAML: ${errorMessage(cause)}`, { cause });
  }
  try {
    return parseImageSpec(value, dirname(resolve(file)));
  } catch (cause) {
    throw new Fault("invalid", `${file}: ${errorMessage(cause)}`, { cause });
  }
}

/** Checks a value from YAML or JavaScript and makes relative paths absolute from `folder`. */
export function parseImageSpec(value: unknown, folder: string): ImageSpec {
  const spec = mapping(value, "", specFields);
  const from = Array.isArray(spec.from) ? spec.from : spec.from === undefined ? [] : [spec.from];
  return {
    name: imageName(spec.name, "name"),
    aliases: list(spec.aliases, "aliases").map((alias, index) => imageName(alias, `aliases[${index}]`)),
    from: from.map((source, index) => imageSource(source, `from[${index}]`, folder)),
    files: list(spec.files, "files").map((file, index) => imageFile(file, `files[${index}]`, folder)),
    users: Object.fromEntries(
      Object.entries(mapping(spec.users ?? {}, "users")).map(([name, id]) => [name, whole(id, `users.${name}`)]),
    ),
    entrypoint: optional(spec.entrypoint, (v) => texts(v, "entrypoint")),
    cmd: optional(spec.cmd, (v) => texts(v, "cmd")),
    env: textMap(spec.env, "env"),
    workdir: optional(spec.workdir, (v) => absolute(v, "workdir")),
    user: optional(spec.user, (v) => text(v, "user")),
    ports: list(spec.ports, "ports").map((port, index) => portOf(port, `ports[${index}]`)),
    labels: textMap(spec.labels, "labels"),
    stopSignal: optional(spec.stopSignal, (v) => text(v, "stopSignal")),
  };
}

const specFields = [
  "name",
  "aliases",
  "from",
  "files",
  "users",
  "entrypoint",
  "cmd",
  "env",
  "workdir",
  "user",
  "ports",
  "labels",
  "stopSignal",
] as const;

function imageName(value: unknown, at: string): string {
  const name = text(value, at);
  if (!/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name)) {
    throw invalid(at, `must be host/path:tag, such as navarch.local/redis:7, but is ${JSON.stringify(name)}`);
  }
  return name;
}

function imageSource(value: unknown, at: string, folder: string): ImageSource {
  const source = mapping(value, at, ["rootfs", "binaries", "packages", "without", "node", "busybox", "pause"]);
  const kinds = Object.keys(source).filter((key) => key !== "without");
  if (kinds.length !== 1)
    throw invalid(at, "must name exactly one of rootfs, binaries, packages, node, busybox, pause");
  if (source.without !== undefined && source.packages === undefined)
    throw invalid(`${at}.without`, "goes with packages only");
  if (source.rootfs !== undefined) return { rootfs: resolve(folder, text(source.rootfs, `${at}.rootfs`)) };
  if (source.binaries !== undefined) {
    const binaries = Object.entries(textMap(source.binaries, `${at}.binaries`));
    return {
      binaries: Object.fromEntries(
        binaries.map(([path, file]) => [absolute(path, `${at}.binaries`), resolve(folder, file)]),
      ),
    };
  }
  if (source.packages !== undefined) {
    const packages = texts(source.packages, `${at}.packages`);
    const without = optional(source.without, (v) => texts(v, `${at}.without`));
    // They become arguments of apt-get, where a leading dash would be an option.
    for (const name of [...packages, ...(without ?? [])]) {
      if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name))
        throw invalid(`${at}.packages`, `${JSON.stringify(name)} is not a package name`);
    }
    return without ? { packages, without } : { packages };
  }
  const [kind] = kinds;
  if (source[kind!] !== true) throw invalid(`${at}.${kind}`, "must be true");
  if (kind === "node") return { node: true };
  if (kind === "busybox") return { busybox: true };
  return { pause: true };
}

function imageFile(value: unknown, at: string, folder: string): ImageFile {
  const file = mapping(value, at, ["path", "mode", "uid", "gid", "content", "copy", "link", "folder"]);
  const common = {
    path: absolute(file.path, `${at}.path`),
    mode: optional(file.mode, (v) => modeOf(v, `${at}.mode`)),
    uid: optional(file.uid, (v) => whole(v, `${at}.uid`)),
    gid: optional(file.gid, (v) => whole(v, `${at}.gid`)),
  };
  const given = (["content", "copy", "link", "folder"] as const).filter((key) => file[key] !== undefined);
  if (given.length !== 1) throw invalid(at, "must have exactly one of content, copy, link, folder");
  if (file.content !== undefined) return { ...common, content: text(file.content, `${at}.content`) };
  if (file.copy !== undefined) return { ...common, copy: resolve(folder, text(file.copy, `${at}.copy`)) };
  if (file.link !== undefined) return { ...common, link: text(file.link, `${at}.link`) };
  if (file.folder !== true) throw invalid(`${at}.folder`, "must be true");
  return { ...common, folder: true };
}

function portOf(value: unknown, at: string): string {
  const written = typeof value === "number" ? String(value) : text(value, at);
  const match = /^(\d{1,5})(\/(tcp|udp|sctp))?$/.exec(written);
  if (!match || Number(match[1]) < 1 || Number(match[1]) > 65535) throw invalid(at, `is not a port: ${written}`);
  return `${match[1]}/${match[3] ?? "tcp"}`;
}

function modeOf(value: unknown, at: string): number {
  // In YAML 1.2 a bare 0755 is the decimal 755: only text and 0o755 say what people mean.
  if (typeof value === "string" && /^0?o?[0-7]{3,4}$/.test(value)) return Number.parseInt(value.replace("o", ""), 8);
  const mode = whole(value, at);
  if (mode > 0o7777) throw invalid(at, 'must be octal permission bits, such as "0755"');
  return mode;
}

function mapping(value: unknown, at: string, allowed?: readonly string[]): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw invalid(at, "must be a mapping");
  const fields = Object.fromEntries(Object.entries(value));
  const strange = allowed && Object.keys(fields).find((key) => !allowed.includes(key));
  if (strange !== undefined)
    throw invalid(at ? `${at}.${strange}` : strange, `is not known here; known are ${allowed?.join(", ")}`);
  return fields;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(at, "must be a list");
  return value;
}

function texts(value: unknown, at: string): readonly string[] {
  return list(value, at).map((item, index) => text(item, `${at}[${index}]`));
}

function textMap(value: unknown, at: string): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  return Object.fromEntries(Object.entries(mapping(value, at)).map(([key, item]) => [key, text(item, `${at}.${key}`)]));
}

function text(value: unknown, at: string): string {
  if (typeof value !== "string" || value.includes("\0")) throw invalid(at, "must be text");
  return value;
}

function absolute(value: unknown, at: string): string {
  const path = text(value, at);
  if (!path.startsWith("/")) throw invalid(at, `must be an absolute path in the image, but is ${path}`);
  return path;
}

function whole(value: unknown, at: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw invalid(at, "must be a whole number");
  return value;
}

function optional<T>(value: unknown, parse: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}

function invalid(at: string, problem: string): Fault {
  return new Fault("invalid", at ? `${at} ${problem}` : `the image specification ${problem}`);
}
