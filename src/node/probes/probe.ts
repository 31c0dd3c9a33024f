import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Container, ExecAction, HTTPGetAction, Probe, TCPSocketAction } from "../../api/generated/core-v1.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";

/** How a container answered once. */
export interface ProbeAnswer {
  readonly healthy: boolean;
  /** What to tell when it is not. */
  readonly output: string;
}

/** Enough of an answer to tell people (bytes, as upstream). */
const outputLimit = 10 * 1024;

/** A port by number, or by its name among the container's ports; undefined for a name that is not there. */
export function portOf(port: number | string, container: Container): number | undefined {
  if (typeof port === "number") return port;
  if (/^\d+$/.test(port)) return Number(port);
  return (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
}

export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
  readonly runtime: ContainerRuntime;
}

/** Asks once. `exec` runs in the container; the others come from the node. A failure to ask is an unhealthy answer. */
export async function probeOnce(probe: Probe, target: ProbeTarget): Promise<ProbeAnswer> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) return await probeExec(probe.exec, target, probe.timeoutSeconds ?? 1);
    if (probe.httpGet) return await probeHttp(probe.httpGet, target, timeout);
    if (probe.tcpSocket) return await probeTcp(probe.tcpSocket, target, timeout);
    if (probe.grpc) return await probeGrpc(probe.grpc, target, timeout);
    return { healthy: true, output: "" };
  } catch (error) {
    return { healthy: false, output: errorMessage(error) };
  }
}

async function probeExec(
  { command = [] }: ExecAction,
  { runtime, containerId }: ProbeTarget,
  timeoutSeconds: number,
): Promise<ProbeAnswer> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, { timeoutSeconds });
    const output = Buffer.concat([stdout, stderr]).subarray(0, outputLimit).toString("utf8");
    return { healthy: exitCode === 0, output };
  } catch (error) {
    if (faultCode(error) === "timeout")
      return { healthy: false, output: `command timed out: "${command.join(" ")}" timed out after ${timeoutSeconds}s` };
    throw error;
  }
}

/** Any answer from 200 to 399 is healthy; certificates are not checked, redirects to other hosts not followed. */
export function probeHttp(
  action: HTTPGetAction,
  { container, podIP }: Pick<ProbeTarget, "container" | "podIP">,
  timeout: number,
): Promise<ProbeAnswer> {
  const port = portOf(action.port, container);
  if (port === undefined) return Promise.resolve({ healthy: false, output: `couldn't find port: ${action.port}` });
  const host = action.host || podIP;
  const secure = action.scheme === "HTTPS";
  const path = action.path || "/";
  const url = `${secure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
  const headers: Record<string, string> = { "User-Agent": "kube-probe/1.35", Accept: "*/*", Connection: "close" };
  for (const { name, value } of action.httpHeaders ?? []) headers[name] = value;
  return new Promise((resolve) => {
    const fail = (text: string) => resolve({ healthy: false, output: `Get "${url}": ${text}` });
    const options = { host, port, path, headers, agent: false as const, rejectUnauthorized: false };
    const call = (secure ? httpsRequest : httpRequest)(options, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on("data", (chunk: Buffer) => {
        if (size < outputLimit) chunks.push(chunk);
        size += chunk.length;
        // A page that never ends has said enough.
        if (size > 1024 * 1024) call.destroy();
      });
      const finish = () => {
        const status = answer.statusCode ?? 0;
        const healthy = status >= 200 && status < 400;
        resolve({
          healthy,
          output: healthy
            ? Buffer.concat(chunks).toString("utf8", 0, outputLimit)
            : `HTTP probe failed with statuscode: ${status}`,
        });
      };
      answer.on("end", finish);
      answer.on("close", finish);
    });
    const timer = setTimeout(() => {
      fail(`context deadline exceeded (Client.Timeout exceeded while awaiting headers)`);
      call.destroy();
    }, timeout);
    call.on("error", (error: NodeJS.ErrnoException) => fail(dialText(error, host, port)));
    call.on("close", () => clearTimeout(timer));
    call.end();
  });
}

function dialText(error: NodeJS.ErrnoException, host: string, port: number): string {
  const target = `dial tcp ${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (error.code === "ECONNREFUSED") return `${target}: connect: connection refused`;
  if (error.code === "EHOSTUNREACH") return `${target}: connect: no route to host`;
  if (error.code === "ECONNRESET") return "read: connection reset by peer";
  return error.message;
}

/** Healthy when a connection can be made. */
function probeTcp(action: TCPSocketAction, { container, podIP }: ProbeTarget, timeout: number): Promise<ProbeAnswer> {
  const port = portOf(action.port, container);
  if (port === undefined) return Promise.resolve({ healthy: false, output: `couldn't find port: ${action.port}` });
  const host = action.host || podIP;
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout });
    const finish = (answer: ProbeAnswer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => finish({ healthy: true, output: "" }));
    socket.once("timeout", () => finish({ healthy: false, output: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.once("error", (error) => finish({ healthy: false, output: dialText(error, host, port) }));
  });
}

async function probeGrpc(
  action: NonNullable<Probe["grpc"]>,
  { podIP }: ProbeTarget,
  timeout: number,
): Promise<ProbeAnswer> {
  const { credentials, makeGenericClientConstructor } = await import("@grpc/grpc-js");
  // grpc.health.v1.Health/Check: the request's only field is the service's name, the answer's only one its state.
  const name = Buffer.from(action.service ?? "", "utf8");
  const body = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const method = {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  } as const;
  const Client = makeGenericClientConstructor({ check: method }, "Health");
  const client = new Client(
    `${podIP.includes(":") ? `[${podIP}]` : podIP}:${action.port}`,
    credentials.createInsecure(),
  );
  try {
    const serving = await new Promise<boolean>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        body,
        { deadline: Date.now() + timeout },
        (error, answer) => {
          if (error) reject(error);
          else resolve(answer !== undefined && answer.length >= 2 && answer[0] === 0x08 && answer[1] === 1);
        },
      );
    });
    return serving ? { healthy: true, output: "" } : { healthy: false, output: "service unhealthy" };
  } finally {
    client.close();
  }
}
