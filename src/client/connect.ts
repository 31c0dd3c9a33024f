import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { type Clock, systemClock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { type Random, systemRandom } from "../lib/random.ts";
import { parseYaml } from "../machinery/codec-yaml.ts";
import { createClient } from "./api-client.ts";
import type { Client, Informers } from "./client.ts";
import { type HttpTransportOptions, httpTransport } from "./http-transport.ts";
import { createInformers } from "./informer.ts";

/** A cluster that a program is connected to; disposing closes the connection and the local copies. */
export interface Connection extends AsyncDisposable {
  readonly client: Client;
  readonly informers: Informers;
}

export interface ConnectOptions {
  /**
   * Its text. Without it and `kubeconfigFile`: the service account of the pod in which the program runs; in no pod, the
   * file that $KUBECONFIG names, or ~/.kube/config.
   */
  readonly kubeconfig?: string;
  readonly kubeconfigFile?: string;
  /** Default: the kubeconfig's current one. */
  readonly context?: string;
  /** What stands in managedFields. */
  readonly fieldManager?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

/** Connects to a cluster. Throws Fault `invalid` or `missing` that says what the kubeconfig lacks; the server is called later. */
export function connect(options: ConnectOptions = {}): Connection {
  const { clock = systemClock, random = systemRandom, log = silentLog, fieldManager } = options;
  const transport = httpTransport(addressFrom(options));
  const client = createClient(transport, fieldManager === undefined ? {} : { fieldManager });
  const informers = createInformers({ client, clock, random, log });
  return {
    client,
    informers,
    async [Symbol.asyncDispose]() {
      await informers[Symbol.asyncDispose]();
      await transport[Symbol.asyncDispose]();
    },
  };
}

function addressFrom({ kubeconfig, kubeconfigFile, context }: ConnectOptions): HttpTransportOptions {
  if (kubeconfig !== undefined) return addressIn(kubeconfig, context, ".");
  if (kubeconfigFile !== undefined) return addressIn(textOf(kubeconfigFile), context, dirname(kubeconfigFile));
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  return host && port ? podAddress(host, port) : addressAtHome(context);
}

/** As kubectl finds it, where one file has all. */
function addressAtHome(context: string | undefined): HttpTransportOptions {
  const named = process.env.KUBECONFIG?.split(delimiter).filter(Boolean) ?? [];
  if (named.length > 1) {
    throw new Fault(
      "invalid",
      "KUBECONFIG names several files, which are not merged here; say which kubeconfig to use",
    );
  }
  const file = named[0] ?? join(homedir(), ".kube", "config");
  if (!existsSync(file)) {
    throw new Fault("missing", `this program runs in no pod and there is no ${file}; say which kubeconfig to use`);
  }
  return addressIn(textOf(file), context, dirname(file));
}

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The API server as a pod sees it. Its token is read anew at every call, since it is renewed. */
function podAddress(host: string, port: string): HttpTransportOptions {
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: textOf(`${accountFolder}/ca.crt`),
    token: () => textOf(`${accountFolder}/token`).trim(),
  };
}

type Table = Readonly<Record<string, unknown>>;

function addressIn(text: string, wanted: string | undefined, folder: string): HttpTransportOptions {
  const config = (parseYaml(text) ?? {}) as Table;
  const name = wanted ?? textIn(config, "current-context");
  if (!name) throw new Fault("invalid", "kubeconfig: current-context is not set");
  const context = named(config, "contexts", name, "context");
  const cluster = named(config, "clusters", textIn(context, "cluster"), "cluster");
  const user = context.user ? named(config, "users", textIn(context, "user"), "user") : {};
  const server = textIn(cluster, "server");
  if (!server) throw new Fault("invalid", `kubeconfig: the cluster of context ${name} has no server`);
  for (const way of ["exec", "auth-provider", "username"]) {
    if (user[way]) throw new Fault("invalid", `kubeconfig: users that sign in by ${way} are not supported here`);
  }
  const file = (path: string) => textOf(resolve(folder, path));
  const pem = (of: Table, field: string) => {
    const data = textIn(of, `${field}-data`);
    if (data) return Buffer.from(data, "base64").toString("utf8");
    const path = textIn(of, field);
    return path ? file(path) : undefined;
  };
  const token = textIn(user, "token");
  const tokenFile = textIn(user, "tokenFile");
  const serverName = textIn(cluster, "tls-server-name");
  return {
    server,
    ...present({
      ca: pem(cluster, "certificate-authority"),
      cert: pem(user, "client-certificate"),
      key: pem(user, "client-key"),
      serverName,
    }),
    ...(token || tokenFile ? { token: () => (tokenFile ? file(tokenFile).trim() : token) } : {}),
    ...(cluster["insecure-skip-tls-verify"] === true ? { insecure: true } : {}),
  };
}

const present = (given: Readonly<Record<"ca" | "cert" | "key" | "serverName", string | undefined>>) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value)) as Partial<Record<keyof typeof given, string>>;

function named(config: Table, list: string, name: string, part: string): Table {
  const entries = config[list];
  const found = Array.isArray(entries) ? entries.find((each: Table) => each.name === name) : undefined;
  if (!found) throw new Fault("invalid", `kubeconfig: ${list} has no ${JSON.stringify(name)}`);
  return ((found as Table)[part] ?? {}) as Table;
}

const textIn = (table: Table, field: string): string => {
  const value = table[field];
  return typeof value === "string" ? value : "";
};

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Fault("missing", `${path}: ${errorMessage(error)}`);
  }
}
