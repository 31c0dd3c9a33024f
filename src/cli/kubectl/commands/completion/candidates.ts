import { commonForms } from "../../output/printer.ts";
import { type AnyObject, itemsOf, pathOf, pluralName } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import type { CommandLine } from "./command-line.ts";

/** What a word may become, and what the shell may do beside offering that. */
export interface Candidates {
  readonly words: readonly { readonly word: string; readonly about?: string }[];
  readonly shell: "default" | "noFiles" | "noSpace" | "extensions" | "folders";
}

/** Commands whose first argument is a type and whose others are names. */
const byType = new Set([
  ...["get", "describe", "delete", "label", "annotate", "edit", "patch", "scale", "autoscale", "expose", "wait"],
  ...["history", "pause", "restart", "resume", "status", "undo"].map((name) => `rollout ${name}`),
  ...["env", "image", "resources", "selector", "serviceaccount"].map((name) => `set ${name}`),
  "apply view-last-applied",
  "explain",
]);

/** Commands whose arguments are names of one type; those of `once` take one alone. */
const byName: Readonly<Record<string, { readonly type: string; readonly once?: boolean }>> = {
  attach: { type: "pods", once: true },
  "certificate approve": { type: "certificatesigningrequests.certificates.k8s.io" },
  "certificate deny": { type: "certificatesigningrequests.certificates.k8s.io" },
  cordon: { type: "nodes" },
  debug: { type: "pods", once: true },
  drain: { type: "nodes" },
  exec: { type: "pods", once: true },
  logs: { type: "pods", once: true },
  "port-forward": { type: "pods", once: true },
  "rolling-update": { type: "replicationcontrollers", once: true },
  "top node": { type: "nodes", once: true },
  "top pod": { type: "pods", once: true },
  uncordon: { type: "nodes" },
};

const fixed: Readonly<Record<string, readonly string[]>> = {
  completion: ["bash", "fish", "powershell", "zsh"],
  taint: ["node"],
};

/** What an argument may become. */
export async function wordCandidates(session: Session, line: CommandLine): Promise<Candidates> {
  const { path, args, writing } = line;
  const { text } = writing;
  const config = configNames(session, path);
  if (config) return args.length === 0 ? noFiles(config, text) : noFiles([], text);
  if (Object.hasOwn(fixed, path) && args.length === 0) return noFiles(fixed[path]!, text);
  const one = byName[path] ?? (path === "taint" ? { type: "nodes" } : undefined);
  if (one) {
    const [type, name] = text.split("/");
    if (type !== undefined && name !== undefined) return await pairs(session, type, text);
    if (one.once && args.length > 0) return noFiles([], text);
    return noFiles(await namesOf(session, one.type, args), text);
  }
  if (!byType.has(path)) return { words: [], shell: "default" };
  const [type] = args;
  if (type === undefined || type.includes("/")) {
    if (text.includes("/")) return await pairs(session, text.split("/")[0] ?? "", text, args);
    if (type !== undefined) return noFiles([], text);
    // Several types stand with commas between: what is before the last comma stays.
    const head = text.slice(0, text.lastIndexOf(",") + 1);
    const types = (await session.mapper()).preferred().filter(({ verbs }) => verbs.includes("get"));
    return noFiles(
      types.map((resource) => head + pluralName(resource)),
      text,
    );
  }
  return path === "explain" ? noFiles([], text) : noFiles(await namesOf(session, type, args.slice(1)), text);
}

/** What the value of a flag may become. */
export async function flagValues(session: Session, line: CommandLine): Promise<Candidates> {
  const { flag = "", text } = line.writing;
  switch (flag) {
    case "namespace":
      return noFiles(await namesOf(session, "namespaces"), text);
    case "context":
      return noFiles([...session.kubeconfig.contexts.keys()], text);
    case "cluster":
      return noFiles([...session.kubeconfig.clusters.keys()], text);
    case "user":
      return noFiles([...session.kubeconfig.users.keys()], text);
    case "container":
      return noFiles(await containersOf(session, line), text);
    case "filename":
      return { words: ["json", "yaml", "yml"].map((word) => ({ word })), shell: "extensions" };
    case "kustomize":
      return { words: [], shell: "folders" };
    case "dry-run":
      return noFiles(["none", "server", "client"], text);
    case "cascade":
      return noFiles(["background", "foreground", "orphan"], text);
    case "output": {
      const more = line.path === "get" ? ["custom-columns", "custom-columns-file", "wide"] : [];
      return Object.hasOwn(line.flags, "template") ? noFiles([...commonForms, ...more].sort(), text) : noWords;
    }
    default:
      return noWords;
  }
}

const noWords: Candidates = { words: [], shell: "default" };

function noFiles(words: readonly string[], text: string): Candidates {
  return { words: words.filter((word) => word.startsWith(text)).map((word) => ({ word })), shell: "noFiles" };
}

function configNames({ kubeconfig }: Session, path: string): readonly string[] | undefined {
  switch (path) {
    case "config use-context":
    case "config delete-context":
    case "config get-contexts":
    case "config rename-context":
    case "config set-context":
      return [...kubeconfig.contexts.keys()].sort();
    case "config delete-cluster":
    case "config set-cluster":
      return [...kubeconfig.clusters.keys()].sort();
    case "config delete-user":
    case "config set-credentials":
      return [...kubeconfig.users.keys()].sort();
    default:
      return undefined;
  }
}

/** `cm/a`, `cm/b` */
async function pairs(session: Session, type: string, text: string, args: readonly string[] = []): Promise<Candidates> {
  const names = await namesOf(session, type);
  return noFiles(
    names.map((name) => `${type}/${name}`).filter((pair) => !args.includes(pair)),
    text,
  );
}

/** The names of a type's objects in the namespace, without those that are written already. */
async function namesOf(session: Session, type: string, without: readonly string[] = []): Promise<readonly string[]> {
  const resource = await (await session.mapper()).resource(type);
  const list = await session.api.call<AnyObject>({
    path: pathOf(resource, resource.namespaced ? { namespace: session.access.namespace } : {}),
    accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
    timeout: 5000,
  });
  return itemsOf(list)
    .map(({ metadata }) => metadata.name ?? "")
    .filter((name) => !without.includes(name));
}

/** The containers of the pod that the line names. */
async function containersOf(session: Session, { args }: CommandLine): Promise<readonly string[]> {
  const name = args.at(-1)?.replace(/^(?:pods?|po)\//, "");
  if (!name) return [];
  const pods = await (await session.mapper()).resource("pods");
  const pod = await session.api.call<AnyObject>({
    path: pathOf(pods, { namespace: session.access.namespace, name }),
    timeout: 5000,
  });
  const spec = (pod.spec ?? {}) as Readonly<Record<string, readonly { readonly name: string }[] | undefined>>;
  return ["containers", "initContainers", "ephemeralContainers"].flatMap((list) =>
    (spec[list] ?? []).map((container) => container.name),
  );
}
