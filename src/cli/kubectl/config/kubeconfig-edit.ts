import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, isAbsolute, relative, resolve } from "node:path";
import { encodeYaml } from "../../../machinery/codec-yaml.ts";
import { CommandError } from "../messages.ts";
import type { Session } from "../session.ts";
import {
  emptyKubeconfig,
  type Kubeconfig,
  kubeconfigFiles,
  mergeKubeconfigs,
  readKubeconfigFile,
} from "./kubeconfig.ts";
import { kubeconfigDocument } from "./kubeconfig-text.ts";

/** The three kinds of entries. */
export type Stanza = "clusters" | "users" | "contexts";
type EntryOf<S extends Stanza> = Kubeconfig[S] extends ReadonlyMap<string, infer T> ? T : never;

/** The files of a kubeconfig, to be changed one entry at a time: each entry in the file that defines it. */
export class KubeconfigFiles {
  readonly #files: readonly string[];
  readonly #session: Session;

  constructor(session: Session) {
    const { globals, host } = session;
    this.#session = session;
    this.#files = kubeconfigFiles({ explicit: globals.kubeconfig, env: host.env, cwd: host.cwd });
  }

  /** All files merged, paths as they are written; no file is an empty one. */
  get content(): Kubeconfig {
    return mergeKubeconfigs(this.#files.flatMap((file) => readKubeconfigFile(file) ?? []));
  }

  /** The file of new entries as the user called it. */
  get name(): string {
    const { globals, host } = this.#session;
    const words = [globals.kubeconfig, ...(host.env.KUBECONFIG ?? "").split(delimiter)];
    return words.find((word) => word !== "" && resolve(host.cwd, word) === this.#usual) ?? this.#usual;
  }

  /** The first file that is there, or the last. */
  get #usual(): string {
    return this.#files.find((file) => existsSync(file)) ?? this.#files.at(-1)!;
  }

  /** Writes an entry, or takes it away. */
  set<S extends Stanza>(stanza: S, name: string, entry: EntryOf<S> | undefined): void {
    const file = this.#files.find((one) => readKubeconfigFile(one)?.[stanza].has(name)) ?? this.#usual;
    this.#change(file, (config) => {
      const entries = new Map<string, unknown>(config[stanza]);
      if (entry === undefined) entries.delete(name);
      else entries.set(name, relativePaths(entry as object, dirname(file)));
      return { ...config, [stanza]: entries } as Kubeconfig;
    });
  }

  /** Writes the current context into the file that has one. */
  setCurrent(name: string): void {
    const file = this.#files.find((one) => readKubeconfigFile(one)?.currentContext) ?? this.#usual;
    this.#change(file, (config) => ({ ...config, currentContext: name }));
  }

  /** One writer at a time: a lock beside the file, as upstream's programs take it. */
  #change(file: string, change: (config: Kubeconfig) => Kubeconfig): void {
    mkdirSync(dirname(file), { recursive: true });
    const lock = `${file}.lock`;
    try {
      closeSync(openSync(lock, "wx", 0));
    } catch (error) {
      throw new CommandError(
        (error as NodeJS.ErrnoException).code === "EEXIST"
          ? `open ${lock}: file exists`
          : `open ${lock}: permission denied`,
      );
    }
    try {
      const next = change(readKubeconfigFile(file) ?? emptyKubeconfig);
      writeFileSync(file, encodeYaml(kubeconfigDocument(next)), { mode: 0o600 });
    } finally {
      rmSync(lock, { force: true });
    }
  }
}

const pathMembers = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/** Paths below the file's own folder are written from there. */
function relativePaths(entry: object, folder: string): object {
  const paths = Object.entries(entry).flatMap(([name, value]) => {
    if (!pathMembers.includes(name) || typeof value !== "string" || !isAbsolute(value)) return [];
    const path = relative(folder, value);
    return path === "" || path.startsWith("..") ? [] : [[name, path] as const];
  });
  return { ...entry, ...Object.fromEntries(paths) };
}
