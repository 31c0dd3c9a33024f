import { closeSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { goQuote } from "../../../lib/go-text.ts";
import { CommandError, ConfigurationError } from "../messages.ts";
import { type ClusterEntry, type ExecEntry, fileProblem, type UserEntry } from "./kubeconfig.ts";
import { proxyProblem } from "./proxy.ts";

/** A cluster and a user, with the names that messages call them by. */
export interface Named {
  readonly clusterName: string;
  readonly cluster: ClusterEntry;
  readonly userName: string;
  readonly user: UserEntry;
  /** Where relative paths of flags start. */
  readonly cwd: string;
}

/** Refuses what contradicts itself or lacks a part, before anybody is asked. Throws CommandError, ConfigurationError. */
export function confirmUsable(named: Named): void {
  const problems = [...userProblems(named), ...clusterProblems(named)];
  const [only] = problems;
  if (problems.length === 1 && only !== undefined) throw new CommandError(only);
  if (problems.length > 1) throw new ConfigurationError(problems);
}

function* userProblems({ user, userName: name, cwd }: Named): Generator<string> {
  const { "client-certificate": cert, "client-certificate-data": certData } = user;
  const { "client-key": key, "client-key-data": keyData, exec } = user;
  if (cert || certData) {
    if (cert && certData) {
      yield `client-cert-data and client-cert are both specified for ${name}. client-cert-data will override.`;
    }
    if (key && keyData) {
      yield `client-key-data and client-key are both specified for ${name}; client-key-data will override`;
    }
    if (!key && !keyData) {
      yield `client-key-data or client-key must be specified for ${name} to use the clientCert authentication method.`;
    }
    yield* unreadable("client-cert", cert, name, cwd);
    yield* unreadable("client-key", key, name, cwd);
  }
  if (exec) yield* execProblems(exec, user, name);
  const ways = [...(user.token ? ["token"] : []), ...(user.username || user.password ? ["basicAuth"] : [])];
  if (ways.length > 1) {
    yield `more than one authentication method found for ${name}; found [${ways.join(" ")}], only one is allowed`;
  }
  const more = user["as-uid"] || user["as-groups"]?.length || Object.keys(user["as-user-extra"] ?? {}).length > 0;
  if (more && !user.as) yield `requesting uid, groups or user-extra for ${name} without impersonating a user`;
}

function* execProblems(exec: ExecEntry, user: UserEntry, name: string): Generator<string> {
  const use = `for ${name} to use exec authentication plugin`;
  if (user["auth-provider"]) yield `authProvider cannot be provided in combination with an exec plugin for ${name}`;
  if (!exec.command) yield `command must be specified ${use}`;
  if (!exec.apiVersion) yield `apiVersion must be specified ${use}`;
  if (exec.env?.some((one) => !one.name)) yield `env variable name must be specified ${use}`;
  const mode = exec.interactiveMode ?? "";
  // The beta knew no modes, so that leaving one out there means the usual one.
  if (mode === "" && exec.apiVersion !== "client.authentication.k8s.io/v1beta1") {
    yield `interactiveMode must be specified ${use}`;
  }
  if (!["", "Never", "IfAvailable", "Always"].includes(mode)) {
    yield `invalid interactiveMode for ${name}: ${goQuote(mode)}`;
  }
}

function* clusterProblems({ cluster, clusterName: name, cwd }: Named): Generator<string> {
  const { "certificate-authority": ca, "certificate-authority-data": caData, "proxy-url": proxy } = cluster;
  const wrong = proxy && proxyProblem(proxy);
  if (wrong) yield `invalid 'proxy-url' ${goQuote(proxy)} for cluster ${goQuote(name)}: ${wrong}`;
  if (ca && caData) {
    yield `certificate-authority-data and certificate-authority are both specified for ${name}. certificate-authority-data will override.`;
  }
  yield* unreadable("certificate-authority", ca, name, cwd);
}

function* unreadable(what: string, file: string | undefined, name: string, cwd: string): Generator<string> {
  if (!file) return;
  try {
    closeSync(openSync(resolve(cwd, file), "r"));
  } catch (error) {
    yield `unable to read ${what} ${file} for ${name} due to ${fileProblem(error, file)}`;
  }
}
