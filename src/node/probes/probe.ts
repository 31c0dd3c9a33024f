import { connect } from "node:net";
import type { Container, ExecAction, HTTPGetAction, Probe, TCPSocketAction } from "../../api/generated/core-v1.ts";
import { errorMessage, Fault, faultCode } from "../../lib/fault.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { dialText, hostPort, httpGet, portOf } from "./http-get.ts";

/** How a container answered once. */
export interface ProbeAnswer {
  readonly healthy: boolean;
  /** What to tell when it is not. */
  readonly output: string;
  /** What to tell though it is. */
  readonly warning?: string;
}

/** Enough of an answer to tell people (bytes, as upstream). */
const outputLimit = 10 * 1024;

export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
  readonly runtime: ContainerRuntime;
}

/** Asks once. `exec` runs in the container; the others come from the node. A failure to ask is an unhealthy answer. */
export async function probeOnce(probe: Probe, target: ProbeTarget): Promise<ProbeAnswer> {
  const seconds = probe.timeoutSeconds ?? 1;
  try {
    if (probe.exec) return await probeExec(probe.exec, target, seconds);
    if (probe.httpGet) return await probeHttp(probe.httpGet, target, seconds * 1000);
    if (probe.tcpSocket) return await probeTcp(probe.tcpSocket, target, seconds * 1000);
    if (probe.grpc) return await probeGrpc(probe.grpc, target, seconds);
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

/** Any answer from 200 to 399 is healthy; of a redirect that leads away from the host people are told. */
async function probeHttp(
  action: HTTPGetAction,
  { container, podIP }: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const answer = await httpGet(action, container, podIP, { timeoutMs });
  if (!answer.ok) return { healthy: false, output: answer.fault };
  const healthy = answer.status >= 200 && answer.status < 400;
  if (!healthy) return { healthy, output: `HTTP probe failed with statuscode: ${answer.status}` };
  if (answer.status < 300) return { healthy, output: answer.body };
  return { healthy, output: answer.body, warning: `Probe terminated redirects, Response body: ${answer.body}` };
}

/** Healthy when a connection can be made. */
function probeTcp(action: TCPSocketAction, { container, podIP }: ProbeTarget, timeout: number): Promise<ProbeAnswer> {
  const port = portOf(action.port, container);
  if (port === undefined) return Promise.resolve({ healthy: false, output: `couldn't find port: ${action.port}` });
  const host = action.host || podIP;
  const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
  const socket = connect({ host, port, timeout });
  const finish = (answer: ProbeAnswer) => {
    socket.destroy();
    resolve(answer);
  };
  socket.once("connect", () => finish({ healthy: true, output: "" }));
  socket.once("timeout", () => finish({ healthy: false, output: `dial tcp ${hostPort(host, port)}: i/o timeout` }));
  socket.once("error", (error) => finish({ healthy: false, output: dialText(error, host, port) }));
  return promise;
}

/** Asks by the gRPC health checking protocol, `grpc.health.v1.Health/Check`. */
async function probeGrpc(
  { port, service }: NonNullable<Probe["grpc"]>,
  { podIP }: ProbeTarget,
  timeoutSeconds: number,
): Promise<ProbeAnswer> {
  const { credentials, Client } = await import("@grpc/grpc-js");
  // The request's only field is the service's name; the answer's only one is its state, of which 1 means serving.
  const name = Buffer.from(service ?? "", "utf8");
  // A length of more than seven bits takes two bytes, the lower ones first.
  const length = name.length < 0x80 ? [name.length] : [(name.length & 0x7f) | 0x80, name.length >> 7];
  const body = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...length]), name]);
  const client = new Client(hostPort(podIP, port), credentials.createInsecure());
  try {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
    const same = (bytes: Buffer) => bytes;
    const late = AbortSignal.timeout(timeoutSeconds * 1000);
    const call = client.makeUnaryRequest("/grpc.health.v1.Health/Check", same, same, body, (error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
    late.addEventListener("abort", () => call.cancel(), { once: true });
    const answer = await promise.catch((error: unknown) => {
      if (late.aborted) throw new Fault("timeout", `timeout: health rpc did not complete within ${timeoutSeconds}s`);
      throw error;
    });
    const state = answer?.[0] === 0x08 ? (answer[1] ?? 0) : 0;
    if (state === 1) return { healthy: true, output: "" };
    const words = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
    return { healthy: false, output: `service unhealthy (responded with "${words[state] ?? state}")` };
  } finally {
    client.close();
  }
}
