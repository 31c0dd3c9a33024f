import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { dump, load } from "js-yaml";
import { errorMessage, Fault } from "../lib/fault.ts";
import { type KeyPair, writeSafely } from "./certificates.ts";

interface Named<T> {
  readonly name: string;
  readonly [field: string]: T | string;
}

/** A kubeconfig file, as far as Navarch touches it; unknown parts are kept. */
export interface Kubeconfig {
  readonly apiVersion: "v1";
  readonly kind: "Config";
  readonly clusters?: readonly Named<object>[];
  readonly users?: readonly Named<object>[];
  readonly contexts?: readonly Named<object>[];
  readonly "current-context"?: string;
  readonly preferences?: object;
}

/** What one cluster is called in a kubeconfig: `navarch`, or `navarch-NAME`. */
export function contextName(cluster: string): string {
  return cluster === "navarch" ? "navarch" : `navarch-${cluster}`;
}

/** The file that kubectl would write: the first of `$KUBECONFIG`, else `~/.kube/config`. */
export function kubeconfigPath(environment: Readonly<Record<string, string | undefined>>): string {
  const listed = environment.KUBECONFIG?.split(delimiter).find((path) => path !== "");
  return listed ?? join(environment.HOME ?? homedir(), ".kube", "config");
}

export interface Access {
  readonly context: string;
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  readonly ca: string;
  readonly client: KeyPair;
}

/** A kubeconfig with one cluster in it. */
export function kubeconfigFor(access: Access): Kubeconfig {
  const { context, server, ca, client } = access;
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: context, cluster: { server, "certificate-authority-data": base64(ca) } }],
    users: [
      {
        name: context,
        user: { "client-certificate-data": base64(client.cert), "client-key-data": base64(client.key) },
      },
    ],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
    "current-context": context,
  };
}

/** Adds one config to another: entries of the same name are replaced, everything else is kept. */
export function merged(into: Kubeconfig, added: Kubeconfig): Kubeconfig {
  const join = (old: readonly Named<object>[] = [], next: readonly Named<object>[] = []) => [
    ...old.filter(({ name }) => !next.some((entry) => entry.name === name)),
    ...next,
  ];
  return {
    ...into,
    clusters: join(into.clusters, added.clusters),
    users: join(into.users, added.users),
    contexts: join(into.contexts, added.contexts),
    "current-context": added["current-context"],
  };
}

/** Takes one context with its cluster and user out again. */
export function without(config: Kubeconfig, context: string): Kubeconfig {
  const drop = (entries: readonly Named<object>[] = []) => entries.filter(({ name }) => name !== context);
  const { "current-context": current, ...rest } = config;
  return {
    ...rest,
    clusters: drop(config.clusters),
    users: drop(config.users),
    contexts: drop(config.contexts),
    "current-context": current === context ? "" : (current ?? ""),
  };
}

/** Reads a kubeconfig; an absent or empty file is an empty config. Throws `invalid` for one that is broken. */
export function readKubeconfig(path: string): Kubeconfig {
  const empty: Kubeconfig = { apiVersion: "v1", kind: "Config" };
  if (!existsSync(path)) return empty;
  let parsed: unknown;
  try {
    parsed = load(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Fault(
      "invalid",
      `the kubeconfig ${path} is no YAML (${errorMessage(error).split("\n", 1)[0]}); mend it or move it away, or set KUBECONFIG to another file`,
    );
  }
  if (parsed === undefined || parsed === null) return empty;
  if (typeof parsed !== "object" || Array.isArray(parsed)) {
    throw new Fault(
      "invalid",
      `the kubeconfig ${path} is not a kubeconfig; mend it or move it away, or set KUBECONFIG to another file`,
    );
  }
  return parsed as Kubeconfig;
}

/** Makes a cluster's context the current one of the user's kubeconfig. */
export function installKubeconfig(path: string, access: Access): void {
  writeSafely(path, dump(merged(readKubeconfig(path), kubeconfigFor(access))), true);
}

/** Forgets a cluster's context; leaves a file alone that does not know it. */
export function removeKubeconfig(path: string, context: string): void {
  if (!existsSync(path)) return;
  const config = readKubeconfig(path);
  if (!config.contexts?.some(({ name }) => name === context)) return;
  writeSafely(path, dump(without(config, context)), true);
}

const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
