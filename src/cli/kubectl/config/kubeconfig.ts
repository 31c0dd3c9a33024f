import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { errorMessage } from "../../../lib/fault.ts";
import { parseYaml } from "../../../machinery/codec-yaml.ts";
import { CommandError } from "../messages.ts";
import { yamlProblem } from "../yaml-problem.ts";
import { checkKubeconfig } from "./kubeconfig-types.ts";

/** How to reach a cluster (kubeconfig v1). Paths are absolute once loaded. */
export interface ClusterEntry {
  readonly server?: string;
  readonly "tls-server-name"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "proxy-url"?: string;
  readonly "disable-compression"?: boolean;
  readonly extensions?: readonly unknown[];
}

/** A program that tells credentials. */
export interface ExecEntry {
  readonly apiVersion?: string;
  readonly command?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
  readonly interactiveMode?: string;
}

/** Who a user is, or how that is found out. */
export interface UserEntry {
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly "as-uid"?: string;
  readonly "as-groups"?: readonly string[];
  readonly "as-user-extra"?: Readonly<Record<string, readonly string[]>>;
  readonly "auth-provider"?: { readonly name?: string; readonly config?: Readonly<Record<string, string>> };
  readonly exec?: ExecEntry;
  readonly extensions?: readonly unknown[];
}

export interface ContextEntry {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
  readonly extensions?: readonly unknown[];
}

/** What one file says, or several together. */
export interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, ClusterEntry>;
  readonly users: ReadonlyMap<string, UserEntry>;
  readonly contexts: ReadonlyMap<string, ContextEntry>;
  readonly currentContext: string;
  readonly preferences: object;
  readonly extensions: readonly unknown[];
}

export const emptyKubeconfig: Kubeconfig = {
  clusters: new Map(),
  users: new Map(),
  contexts: new Map(),
  currentContext: "",
  preferences: {},
  extensions: [],
};

/** Where kubeconfigs lie. */
export interface KubeconfigPlace {
  /** Of `--kubeconfig`, or empty. */
  readonly explicit: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** The files in the order of their precedence; an explicit one stands alone and must be there. */
export function kubeconfigFiles(place: KubeconfigPlace): readonly string[] {
  return [...new Set(namedFiles(place).map((name) => resolve(place.cwd, name)))];
}

/** As whoever named them wrote them, which is what messages call them. */
function namedFiles({ explicit, env }: KubeconfigPlace): readonly string[] {
  if (explicit) return [explicit];
  const listed = (env.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
  return listed.length > 0 ? listed : [join(env.HOME ?? homedir(), ".kube", "config")];
}

/** Reads and merges them: the first file that names a cluster, user, context or current context decides it. */
export function loadKubeconfig(place: KubeconfigPlace): Kubeconfig {
  const read = namedFiles(place).flatMap((name) => {
    const file = resolve(place.cwd, name);
    const config = readKubeconfigFile(file, name);
    if (config) return [withAbsolutePaths(config, dirname(file))];
    if (place.explicit) throw new CommandError(`stat ${place.explicit}: no such file or directory`);
    return [];
  });
  return mergeKubeconfigs(read);
}

/** Several files as one, the first counting most. */
export function mergeKubeconfigs(read: readonly Kubeconfig[]): Kubeconfig {
  const merged = <T>(part: (config: Kubeconfig) => ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map(read.toReversed().flatMap((config) => [...part(config)]));
  return {
    clusters: merged((config) => config.clusters),
    users: merged((config) => config.users),
    contexts: merged((config) => config.contexts),
    currentContext: read.find((config) => config.currentContext)?.currentContext ?? "",
    preferences: Object.assign({}, ...read.toReversed().map((config) => config.preferences)) as object,
    extensions: read.flatMap((config) => config.extensions),
  };
}

/** One file as it is written, or undefined where there is none. Throws CommandError for one that makes no sense. */
export function readKubeconfigFile(file: string, called = file): Kubeconfig | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CommandError(`error loading config file "${called}": ${fileProblem(error, called)}`);
  }
  try {
    return fromFile(parseYaml(text) ?? {});
  } catch (error) {
    throw new CommandError(`error loading config file "${called}": ${yamlProblem(errorMessage(error))}`);
  }
}

/** What went wrong with a file, in the words of Go. */
export function fileProblem(error: unknown, file: string): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EISDIR") return `read ${file}: is a directory`;
  if (code === "EACCES") return `open ${file}: permission denied`;
  if (code === "ENOENT") return `open ${file}: no such file or directory`;
  return errorMessage(error);
}

function fromFile(value: unknown): Kubeconfig {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const form = Array.isArray(value) ? "array" : typeof value;
    throw new Error(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${form} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  }
  const file = value as Readonly<Record<string, unknown>>;
  checkKubeconfig(file);
  const entries = <T>(list: unknown, member: string): ReadonlyMap<string, T> =>
    new Map(
      ((list ?? []) as readonly Readonly<Record<string, unknown>>[]).map((one) => [
        String(one?.name ?? ""),
        (one?.[member] ?? {}) as T,
      ]),
    );
  return {
    clusters: entries<ClusterEntry>(file.clusters, "cluster"),
    users: entries<UserEntry>(file.users, "user"),
    contexts: entries<ContextEntry>(file.contexts, "context"),
    currentContext: typeof file["current-context"] === "string" ? file["current-context"] : "",
    preferences: (file.preferences as object | null | undefined) ?? {},
    extensions: Array.isArray(file.extensions) ? file.extensions : [],
  };
}

const absolute = (folder: string, path: string | undefined) =>
  path && !isAbsolute(path) ? resolve(folder, path) : path;

function withAbsolutePaths(config: Kubeconfig, folder: string): Kubeconfig {
  const paths = <T extends object>(entries: ReadonlyMap<string, T>, names: readonly string[]): ReadonlyMap<string, T> =>
    new Map(
      [...entries].map(([name, entry]) => {
        const changed = names.flatMap((member) => {
          const path = (entry as Readonly<Record<string, unknown>>)[member];
          return typeof path === "string" && path !== "" ? [[member, absolute(folder, path)] as const] : [];
        });
        return [name, { ...entry, ...Object.fromEntries(changed) }];
      }),
    );
  const users = paths(config.users, ["client-certificate", "client-key", "tokenFile"]);
  return {
    ...config,
    clusters: paths(config.clusters, ["certificate-authority"]),
    users: new Map(
      [...users].map(([name, user]) => {
        const command = user.exec?.command ?? "";
        // A plug-in's name without a slash is looked up in $PATH.
        const relative = command.includes("/") && !isAbsolute(command);
        return [name, relative ? { ...user, exec: { ...user.exec, command: resolve(folder, command) } } : user];
      }),
    ),
  };
}
