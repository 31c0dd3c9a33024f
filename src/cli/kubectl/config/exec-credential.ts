import { spawnSync } from "node:child_process";
import { errorMessage } from "../../../lib/fault.ts";
import { parseYaml } from "../../../machinery/codec-yaml.ts";
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

/** Refuses what could never run. Throws CommandError. */
export function checkPlugin({ apiVersion = "" }: ExecEntry, policy?: PluginPolicy): void {
  if (!versions.test(apiVersion)) throw new CommandError(`exec plugin: invalid apiVersion "${apiVersion}"`);
  const problem = policy && policyProblem(policy);
  if (problem) throw new CommandError(problem);
}

const versions = /^client\.authentication\.k8s\.io\/v1(?:beta1)?$/;

/** What is wrong with a certificate and its key, if anything, in the words of Go. */
export function pairProblem(cert: string | undefined, key: string | undefined): string | undefined {
  if (!cert || !key) return undefined;
  if (!cert.includes("-----BEGIN CERTIFICATE-----")) return "tls: failed to find any PEM data in certificate input";
  return key.includes("PRIVATE KEY-----") ? undefined : "tls: failed to find any PEM data in key input";
}

/** No credential came of it, and so no call. */
const failed = (why: string) =>
  new CommandError(`Unable to connect to the server: getting credentials: ${why}`, { verbatim: true });

/** Runs the program that a kubeconfig names (client.authentication.k8s.io), if the policy lets it. Throws CommandError. */
export function runCredentialPlugin(
  exec: ExecEntry,
  cluster: ClusterEntry,
  host: Host,
  policy?: PluginPolicy,
): ExecCredential {
  const { command = "", apiVersion = "" } = exec;
  const permitted = permittedProgram(command, policy, host);
  if ("refused" in permitted) throw failed(permitted.refused);
  const terminal = host.stdin.isTTY === true;
  if (exec.interactiveMode === "Always" && !terminal) {
    throw failed("exec plugin cannot support interactive mode: standard input is not a terminal");
  }
  const interactive = terminal && exec.interactiveMode !== "Never";
  const info = {
    kind: "ExecCredential",
    apiVersion,
    spec: { ...(exec.provideClusterInfo ? { cluster: clusterInfo(cluster, host) } : {}), interactive },
  };
  const run = spawnSync(permitted.program, [...(exec.args ?? [])], {
    cwd: host.cwd,
    env: {
      ...host.env,
      ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: `${JSON.stringify(info)}\n`,
    },
    stdio: [interactive ? "inherit" : "ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  if (run.stderr) host.stderr.write(run.stderr);
  if (run.error) throw failed(`exec: ${startProblem(run.error, exec)}`);
  if (run.status !== 0) throw failed(`exec: executable ${command} failed with exit code ${run.status ?? -1}`);
  return read(run.stdout, apiVersion);
}

function startProblem({ code, message }: NodeJS.ErrnoException, { command = "", installHint }: ExecEntry): string {
  if (code === "EACCES") return `fork/exec ${command}: permission denied`;
  if (code !== "ENOENT") return message;
  if (command.includes("/")) return `fork/exec ${command}: no such file or directory`;
  return `executable ${command} not found

It looks like you are trying to use a client-go credential plugin that is not installed.

To learn more about this feature, consult the documentation available at:
      https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins${installHint ? `\n\n${installHint}` : ""}`;
}

function read(text: string, apiVersion: string): ExecCredential {
  const answer = decoded(text);
  if (answer.apiVersion !== apiVersion) {
    throw failed(
      `exec plugin is configured to use API version ${apiVersion}, plugin returned version ${answer.apiVersion || "client.authentication.k8s.io/__internal"}`,
    );
  }
  const { status } = answer;
  if (!status) throw failed("exec plugin didn't return a status field");
  if (!status.token && !status.clientCertificateData) {
    throw failed("exec plugin didn't return a token or cert/key pair");
  }
  if (Boolean(status.clientCertificateData) !== Boolean(status.clientKeyData)) {
    throw failed("exec plugin returned only certificate or key, not both");
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp: time } = status;
  const problem = pairProblem(cert, key);
  if (problem) throw failed(`failed parsing client key/certificate: ${problem}`);
  const expires = time ? Date.parse(time) : undefined;
  if (Number.isNaN(expires)) {
    throw failed(
      `decoding stdout: parsing time "${time}" as "2006-01-02T15:04:05Z07:00": cannot parse "${time}" as "2006"`,
    );
  }
  return { token, cert, key, expires };
}

/** What stands on the program's standard output, JSON or YAML. Throws CommandError. */
function decoded(text: string): ExecAnswer {
  let value: unknown;
  try {
    value = parseYaml(text) ?? {};
  } catch (error) {
    throw failed(`decoding stdout: couldn't get version/kind; json parse error: ${errorMessage(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const form = Array.isArray(value) ? "array" : typeof value;
    throw failed(
      `decoding stdout: couldn't get version/kind; json parse error: json: cannot unmarshal ${form} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  }
  const { kind = "ExecCredential", apiVersion = "" } = value as ExecAnswer;
  if (kind !== "ExecCredential" || (apiVersion !== "" && !versions.test(apiVersion))) {
    throw failed(
      `decoding stdout: no kind "${kind}" is registered for version "${apiVersion}" in scheme "pkg/client/auth/exec/exec.go:62"`,
    );
  }
  return value as ExecAnswer;
}

function clusterInfo(cluster: ClusterEntry, host: Host): object {
  const ca = fileOrData(cluster["certificate-authority-data"], cluster["certificate-authority"], host);
  const own = (cluster.extensions as readonly Extension[] | undefined)?.find(({ name }) => name === execExtension);
  return {
    server: cluster.server,
    ...(cluster["tls-server-name"] ? { "tls-server-name": cluster["tls-server-name"] } : {}),
    ...(cluster["insecure-skip-tls-verify"] ? { "insecure-skip-tls-verify": true } : {}),
    ...(ca ? { "certificate-authority-data": Buffer.from(ca).toString("base64") } : {}),
    ...(cluster["proxy-url"] ? { "proxy-url": cluster["proxy-url"] } : {}),
    ...(cluster["disable-compression"] ? { "disable-compression": true } : {}),
    config: own?.extension ?? null,
  };
}

interface Extension {
  readonly name?: string;
  readonly extension?: unknown;
}

/** The extension of a cluster that its plug-in is told. */
const execExtension = "client.authentication.k8s.io/exec";
