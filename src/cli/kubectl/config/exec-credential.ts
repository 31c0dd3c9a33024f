import { spawnSync } from "node:child_process";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";
import { fileOrData } from "./access.ts";
import type { ClusterEntry, ExecEntry } from "./kubeconfig.ts";
import { type PluginPolicy, permittedProgram, policyProblem } from "./plugin-policy.ts";

/** What a credential plug-in told. */
export interface ExecCredential {
  readonly token?: string;
  /** PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** Milliseconds since the epoch; absent is for as long as the program runs. */
  readonly expires?: number;
}

interface ExecAnswer {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly status?: {
    readonly token?: string;
    readonly clientCertificateData?: string;
    readonly clientKeyData?: string;
    readonly expirationTimestamp?: string;
  };
}

/** Runs the program that a kubeconfig names (client.authentication.k8s.io), if the policy lets it. Throws CommandError. */
export function runCredentialPlugin(
  exec: ExecEntry,
  cluster: ClusterEntry,
  host: Host,
  policy?: PluginPolicy,
): ExecCredential {
  const { command = "", apiVersion = "" } = exec;
  if (!/^client\.authentication\.k8s\.io\/v1(?:beta1)?$/.test(apiVersion)) {
    throw new CommandError(`exec plugin: invalid apiVersion "${apiVersion}"`);
  }
  const problem = policy && policyProblem(policy);
  if (problem) throw new CommandError(problem);
  const permitted = permittedProgram(command, policy, host);
  if ("refused" in permitted) {
    const text = `Unable to connect to the server: getting credentials: ${permitted.refused}`;
    throw new CommandError(text, { verbatim: true });
  }
  const terminal = host.stdin.isTTY === true;
  if (exec.interactiveMode === "Always" && !terminal) {
    throw new CommandError(
      `getting credentials: exec: executable ${command} failed: standard input is unavailable: not a terminal`,
    );
  }
  const interactive = terminal && exec.interactiveMode !== "Never";
  const info = {
    kind: "ExecCredential",
    apiVersion,
    spec: { ...(exec.provideClusterInfo ? { cluster: clusterInfo(cluster) } : {}), interactive },
  };
  const run = spawnSync(permitted.program, [...(exec.args ?? [])], {
    cwd: host.cwd,
    env: {
      ...host.env,
      ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(info),
    },
    stdio: [interactive ? "inherit" : "ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  if (run.stderr) host.stderr.write(run.stderr);
  if (run.error) {
    const missing = (run.error as NodeJS.ErrnoException).code === "ENOENT";
    const hint = missing && exec.installHint ? `\n\n${exec.installHint}` : "";
    const why = missing ? `executable ${command} not found${hint}` : run.error.message;
    throw new CommandError(`getting credentials: exec: ${why}`);
  }
  if (run.status !== 0) {
    throw new CommandError(
      `getting credentials: exec: executable ${command} failed with exit code ${run.status ?? run.signal}`,
    );
  }
  return read(run.stdout, apiVersion);
}

function read(text: string, apiVersion: string): ExecCredential {
  let answer: ExecAnswer;
  try {
    answer = JSON.parse(text) as ExecAnswer;
  } catch (error) {
    throw new CommandError(`getting credentials: decoding stdout: ${(error as Error).message}`);
  }
  if (answer.apiVersion !== apiVersion) {
    throw new CommandError(
      `getting credentials: exec plugin is configured to use API version ${apiVersion}, plugin returned version ${answer.apiVersion ?? ""}`,
    );
  }
  const { status } = answer;
  if (!status) throw new CommandError("getting credentials: exec plugin didn't return a status field");
  if (!status.token && !status.clientCertificateData) {
    throw new CommandError("getting credentials: exec plugin didn't return a token or cert/key pair");
  }
  if (Boolean(status.clientCertificateData) !== Boolean(status.clientKeyData)) {
    throw new CommandError("getting credentials: exec plugin returned only certificate or key, not both");
  }
  return {
    token: status.token,
    cert: status.clientCertificateData,
    key: status.clientKeyData,
    ...(status.expirationTimestamp ? { expires: Date.parse(status.expirationTimestamp) } : {}),
  };
}

function clusterInfo(cluster: ClusterEntry): object {
  const ca = fileOrData(
    cluster["certificate-authority-data"],
    cluster["certificate-authority"],
    "certificate-authority",
  );
  return {
    server: cluster.server,
    ...(cluster["tls-server-name"] ? { "tls-server-name": cluster["tls-server-name"] } : {}),
    ...(cluster["insecure-skip-tls-verify"] ? { "insecure-skip-tls-verify": true } : {}),
    ...(ca ? { "certificate-authority-data": Buffer.from(ca).toString("base64") } : {}),
    ...(cluster["proxy-url"] ? { "proxy-url": cluster["proxy-url"] } : {}),
    ...(cluster["disable-compression"] ? { "disable-compression": true } : {}),
  };
}
