import { Buffer } from "node:buffer";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { GlobalFlags } from "../flags/global.ts";
import { parseGoDuration } from "../flags/go-values.ts";
import type { Host } from "../host.ts";
import { CommandError, ConfigurationError } from "../messages.ts";
import { type ClusterEntry, type ContextEntry, fileProblem, type Kubeconfig, type UserEntry } from "./kubeconfig.ts";
import { confirmUsable } from "./usable.ts";

/** Where the API server is and who asks it: kubeconfig, flags and surroundings put together. */
export interface Access {
  readonly cluster: ClusterEntry;
  readonly user: UserEntry;
  readonly namespace: string;
  /** The namespace was asked for by flag. */
  readonly namespaceGiven: boolean;
  /** Milliseconds that a call may take; 0 is for ever. */
  readonly timeout: number;
}

/** What of the world around decides about the connection. */
export interface Surroundings extends Pick<Host, "env" | "cwd"> {
  /** Where a pod finds its own account. Default: where kubelets put it. */
  readonly accountFolder?: string;
}

/** Puts together what a command connects with. Throws ConfigurationError, CommandError. */
export function resolveAccess(kubeconfig: Kubeconfig, flags: GlobalFlags, host: Surroundings): Access {
  const contextName = flags.context || kubeconfig.currentContext;
  const context = kubeconfig.contexts.get(contextName);
  if (contextName && !context) {
    throw new ConfigurationError([`context was not found for specified context: ${contextName}`]);
  }
  const timeout = timeoutOf(flags["request-timeout"]);
  const user = userOf(kubeconfig, context, flags);
  const cluster = clusterOf(kubeconfig, context, flags);
  const namespaceGiven = flags.namespace !== "";
  const nothingSaid = !cluster.server && kubeconfig.clusters.size === 0 && kubeconfig.contexts.size === 0;
  const inside = nothingSaid ? insideCluster(host) : undefined;
  if (inside) {
    return {
      cluster: { ...inside.cluster, ...cluster },
      user: { ...inside.user, ...user },
      namespace: flags.namespace || inside.namespace,
      namespaceGiven,
      timeout,
    };
  }
  confirmUsable({
    cluster,
    clusterName: flags.cluster || context?.cluster || "",
    user,
    userName: flags.user || context?.user || "",
    cwd: host.cwd,
  });
  return {
    cluster: { ...cluster, server: cluster.server || "http://localhost:8080" },
    user,
    namespace: flags.namespace || context?.namespace || "default",
    namespaceGiven,
    timeout,
  };
}

function timeoutOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const parsed = parseGoDuration(text);
  if ("problem" in parsed) {
    throw new CommandError(
      `Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)`,
    );
  }
  return parsed.value;
}

function userOf(kubeconfig: Kubeconfig, context: ContextEntry | undefined, flags: GlobalFlags): UserEntry {
  const name = flags.user || context?.user || "";
  const known = kubeconfig.users.get(name);
  if (name && !known) throw new CommandError(`auth info "${name}" does not exist`);
  const asked: Record<string, unknown> = {};
  const put = (member: keyof UserEntry, value: string) => {
    if (value) asked[member] = value;
  };
  put("client-certificate", flags["client-certificate"]);
  put("client-key", flags["client-key"]);
  put("token", flags.token);
  put("username", flags.username);
  put("password", flags.password);
  put("as", flags.as);
  put("as-uid", flags["as-uid"]);
  if (flags["as-group"].length > 0) asked["as-groups"] = flags["as-group"];
  if (flags["as-user-extra"].length > 0) asked["as-user-extra"] = extras(flags["as-user-extra"]);
  const rest: Record<string, unknown> = { ...known };
  // A flag for one way to say who one is replaces what the file says about that way.
  if (flags["client-certificate"]) delete rest["client-certificate-data"];
  if (flags["client-key"]) delete rest["client-key-data"];
  if (flags.token || flags.username) {
    for (const other of ["token", "tokenFile", "username", "password", "exec", "auth-provider"]) delete rest[other];
  }
  return { ...rest, ...asked } as UserEntry;
}

function extras(pairs: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, string[]> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    const key = at < 0 ? pair : pair.slice(0, at);
    found[key] = [...(found[key] ?? []), at < 0 ? "" : pair.slice(at + 1)];
  }
  return found;
}

function clusterOf(kubeconfig: Kubeconfig, context: ContextEntry | undefined, flags: GlobalFlags): ClusterEntry {
  const name = flags.cluster || context?.cluster || "";
  const known = kubeconfig.clusters.get(name);
  if (name && !known) {
    throw new CommandError(
      flags.cluster ? `no server found for cluster "${name}"` : `cluster "${name}" does not exist`,
    );
  }
  const rest: Record<string, unknown> = { ...known };
  const { "certificate-authority": ca, "insecure-skip-tls-verify": insecure } = flags;
  if (ca || insecure) {
    // Whom to believe is said anew: what the file says of it counts no more.
    for (const member of trustMembers) delete rest[member];
    if (ca) rest["certificate-authority"] = ca;
    if (insecure) rest["insecure-skip-tls-verify"] = true;
  }
  if (flags.server) rest.server = flags.server;
  if (flags["tls-server-name"]) rest["tls-server-name"] = flags["tls-server-name"];
  else if (flags.server) delete rest["tls-server-name"];
  if (flags["disable-compression"]) rest["disable-compression"] = true;
  return rest as ClusterEntry;
}

const trustMembers = ["certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"] as const;

/** What a pod is given to talk to its own cluster. */
function insideCluster({ env, accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount" }: Surroundings) {
  const address = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  const tokenFile = join(accountFolder, "token");
  if (!address || !port || !existsSync(tokenFile)) return undefined;
  const ca = join(accountFolder, "ca.crt");
  const namespaceFile = join(accountFolder, "namespace");
  return {
    cluster: {
      server: `https://${address.includes(":") ? `[${address}]` : address}:${port}`,
      ...(existsSync(ca) ? { "certificate-authority": ca } : {}),
    } satisfies ClusterEntry,
    user: { tokenFile } satisfies UserEntry,
    namespace: existsSync(namespaceFile) ? readFileSync(namespaceFile, "utf8").trim() : "default",
  };
}

/** A file's contents, or the data that stands in its place. */
export function fileOrData(
  data: string | undefined,
  file: string | undefined,
  { cwd }: Pick<Host, "cwd">,
): string | undefined {
  if (data) return Buffer.from(data, "base64").toString("utf8");
  if (!file) return undefined;
  try {
    return readFileSync(resolve(cwd, file), "utf8");
  } catch (error) {
    throw new CommandError(fileProblem(error, file));
  }
}
