import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Pod } from "../../api/generated/core-v1.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { connectExec } from "../../wire/exec-client.ts";
import { acceptExec, streamSelection } from "../../wire/exec-server.ts";
import { connectPortForward } from "../../wire/port-forward-client.ts";
import { acceptPortForward } from "../../wire/port-forward-server.ts";
import { join } from "../../wire/pump.ts";
import { newest, observePod, readySandbox } from "../pods/observed.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { podNamed } from "./pod-named.ts";

export interface StreamContext {
  readonly runtime: ContainerRuntime;
  readonly pods: () => readonly Pod[];
}

/** Serves `/exec`, `/attach`, `/run` and `/portForward`: the client's protocol on one side, the runtime's on the other. */
export async function serveStream(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  url: URL,
  context: StreamContext,
): Promise<void> {
  const [, kind = "", namespace = "", name = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
  const pod = podNamed(context.pods(), namespace, name);
  // An optional uid stands between the pod and the container.
  const container = rest.at(-1) ?? "";
  switch (kind) {
    case "exec":
    case "attach":
      await serveCommand(kind, request, socket, head, url.searchParams, pod, container, context.runtime);
      return;
    case "portForward":
      await servePorts(request, socket, head, pod, context.runtime);
      return;
    default:
      throw new Fault("missing", "404 page not found");
  }
}

async function serveCommand(
  kind: "exec" | "attach",
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  query: URLSearchParams,
  pod: Pod,
  container: string,
  runtime: ContainerRuntime,
): Promise<void> {
  const status = newest(await observePod(runtime, pod.metadata.uid), container);
  if (!status) throw new Fault("missing", `container not found ("${container}")`);
  const selection = streamSelection(query);
  const session = await acceptExec(request, socket, head, selection);
  // Whether a container runs on a terminal was settled when it was made; who attaches cannot choose.
  const tty = kind === "attach" ? hasTerminal(pod, container) : selection.tty;
  try {
    // Who asked for a terminal has opened no stream for errors: the runtime must not wait for it.
    const stderr = session.stderr !== undefined && !tty;
    const streams = { tty, stdin: selection.stdin, stdout: selection.stdout, stderr };
    const url =
      kind === "exec"
        ? await runtime.execUrl(status.id, query.getAll("command"), streams)
        : await runtime.attachUrl(status.id, streams);
    const exit = await connectExec(
      { url, signal: session.signal },
      {
        ...(session.stdin ? { stdin: session.stdin } : {}),
        ...(session.stdout ? { stdout: session.stdout } : {}),
        ...(session.stderr && !tty ? { stderr: session.stderr } : {}),
        tty,
        resize: session.resize,
      },
    );
    await session.exit(exit);
  } catch (error) {
    await session.exit({ kind: "failed", message: errorMessage(error) });
  }
}

function hasTerminal({ spec }: Pod, name: string): boolean {
  const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  return all.find((container) => container.name === name)?.tty ?? false;
}

async function servePorts(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  pod: Pod,
  runtime: ContainerRuntime,
): Promise<void> {
  const sandbox = readySandbox(await observePod(runtime, pod.metadata.uid));
  if (!sandbox) throw new Fault("missing", `pod "${pod.metadata.name}" has no sandbox`);
  await using forwards = new AsyncDisposableStack();
  const url = await runtime.portForwardUrl(sandbox.id, []);
  const upstream = await connectPortForward({ url });
  forwards.defer(() => upstream.close());
  const session = await acceptPortForward(request, socket, head, async ({ port, data }) => {
    const remote = await upstream.open(port);
    const joined = join(data, remote.data);
    // Told at once: the client may have nothing to say, and so no reason to end its half.
    const failure = await remote.failure;
    if (failure) throw new Fault("unavailable", failure);
    const broken = await joined;
    if (broken) throw broken;
  });
  await session.closed;
}
