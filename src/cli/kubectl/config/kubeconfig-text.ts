import type { ClusterEntry, ContextEntry, Kubeconfig, UserEntry } from "./kubeconfig.ts";

const clusterOrder = [
  "server",
  "tls-server-name",
  "insecure-skip-tls-verify",
  "certificate-authority",
  "certificate-authority-data",
  "proxy-url",
  "disable-compression",
  "extensions",
];
const userOrder = [
  "client-certificate",
  "client-certificate-data",
  "client-key",
  "client-key-data",
  "token",
  "tokenFile",
  "as",
  "as-uid",
  "as-groups",
  "as-user-extra",
  "username",
  "password",
  "auth-provider",
  "exec",
  "extensions",
];
const contextOrder = ["cluster", "user", "namespace", "extensions"];
const execOrder = ["command", "args", "env", "apiVersion", "installHint", "provideClusterInfo", "interactiveMode"];

/** A kubeconfig as its file says it, members in upstream's order, entries by their names. */
export function kubeconfigDocument(config: Kubeconfig): Readonly<Record<string, unknown>> {
  const list = <T extends object>(entries: ReadonlyMap<string, T>, member: string, ordered: (entry: T) => object) =>
    entries.size === 0
      ? null
      : [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, entry]) => ({ name, [member]: ordered(entry) }));
  return {
    kind: "Config",
    apiVersion: "v1",
    preferences: config.preferences,
    clusters: list(config.clusters, "cluster", (entry) => inOrder({ server: "", ...entry }, clusterOrder)),
    users: list(config.users, "user", userDocument),
    contexts: list(config.contexts, "context", (entry) => inOrder({ cluster: "", user: "", ...entry }, contextOrder)),
    "current-context": config.currentContext,
    ...(config.extensions.length > 0 ? { extensions: config.extensions } : {}),
  };
}

function userDocument(user: UserEntry): object {
  if (!user.exec) return inOrder(user, userOrder);
  const exec = { command: "", args: null, env: null, provideClusterInfo: false, ...user.exec };
  return inOrder({ ...user, exec: inOrder(exec, execOrder) }, userOrder);
}

/** Members that say something, known ones first; a server, cluster or user is written even when it is empty. */
function inOrder(entry: object, order: readonly string[]): object {
  const members = Object.entries(entry).filter(
    ([name, value]) => alwaysWritten.has(name) || !(value === "" || value === undefined || value === false),
  );
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return Object.fromEntries(members.sort(([a], [b]) => place(a) - place(b)));
}

const alwaysWritten = new Set(["server", "cluster", "user", "command", "args", "env", "provideClusterInfo"]);

const keyData = ["certificate-authority-data", "client-certificate-data", "client-key-data"];
const secrets = ["token", "password"];

/** The same without keys and passwords, for people to read. */
export function redacted(config: Kubeconfig): Kubeconfig {
  const hide = <T extends object>(entry: T): T => {
    const hidden = (names: readonly string[], text: string) =>
      Object.fromEntries(names.filter((name) => (entry as Record<string, unknown>)[name]).map((name) => [name, text]));
    return { ...entry, ...hidden(keyData, "DATA+OMITTED"), ...hidden(secrets, "REDACTED") };
  };
  const all = <T extends object>(entries: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...entries].map(([name, entry]) => [name, hide(entry)]));
  return { ...config, clusters: all<ClusterEntry>(config.clusters), users: all<UserEntry>(config.users) };
}

/** Only what the current context needs. */
export function minified(config: Kubeconfig): Kubeconfig | undefined {
  const context = config.contexts.get(config.currentContext);
  if (!context) return undefined;
  const only = <T>(entries: ReadonlyMap<string, T>, name: string | undefined): ReadonlyMap<string, T> =>
    new Map([...entries].filter(([known]) => known === name));
  return {
    ...config,
    clusters: only(config.clusters, context.cluster),
    users: only(config.users, context.user),
    contexts: only<ContextEntry>(config.contexts, config.currentContext),
  };
}
