import type { Server } from "node:net";
import { errorMessage } from "../../../../lib/fault.ts";
import {
  connectPortForward,
  connectPortForwardTunnel,
  type PortForwardClient,
} from "../../../../wire/port-forward-client.ts";
import { join } from "../../../../wire/pump.ts";
import { defineCommand } from "../../command.ts";
import { duration, list } from "../../flags/flag.ts";
import { CommandError, usageError } from "../../messages.ts";
import { listenProblem } from "../../resources/listen-problem.ts";
import { namedObject, type Pod, podKind, podOf } from "../../resources/pods.ts";
import { pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import { checkPodTimeout } from "./exec.ts";
import {
  type ListenAddress,
  listenAddresses,
  type PortPair,
  podPorts,
  portPairs,
  servicePorts,
} from "./forwarded-ports.ts";
import { overUpgrade } from "./remote-session.ts";

/** `kubectl port-forward` */
export const portForward = defineCommand({
  name: "port-forward",
  short: "Forward one or more local ports to a pod",
  long: `Listen on local ports and carry every connection to a port of a pod: one that is named, or one of a workload or a service.

 The pod is chosen once. When it ends, so does the command, and has to be started again.`,
  examples: `# Ports 5000 and 6000 here lead to the same ports of the pod
kubectl port-forward pod/mypod 5000 6000

# Port 8443 leads to the port of the service that is called https
kubectl port-forward service/web 8443:https

# Whichever port is free leads to port 5000
kubectl port-forward pod/mypod :5000

# On an address that other machines reach
kubectl port-forward --address 0.0.0.0 deployment/web 8888:5000`,
  usage: "TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
  flags: {
    address: list("IP addresses to listen on, or localhost for both of the machine's own.", { default: ["localhost"] }),
    "pod-running-timeout": duration("How long to wait for a pod of the workload to be there.", { default: 60_000 }),
  },
  async run({ session, args, flags, given, path }) {
    const [word, ...ports] = args;
    if (word === undefined || ports.length === 0) {
      throw usageError(path, "TYPE/NAME and list of ports are required for port-forward");
    }
    checkPodTimeout(path, flags);
    const object = await namedObject(session, { word });
    const pod = await podOf(session, object, flags["pod-running-timeout"]);
    const meant =
      object.kind === "Service" && object.apiVersion === "v1"
        ? servicePorts(ports, object as never, pod)
        : podPorts(ports, pod);
    const phase = pod.status?.phase ?? "";
    if (phase !== "Running") {
      throw new CommandError(`unable to forward port because pod is not running. Current status=${phase}`);
    }
    const addresses = listenAddresses(given.has("address") ? flags.address : ["localhost"]);
    return await forward(session, pod, addresses, portPairs(meant));
  },
});

/** Forwards until the user interrupts or the pod is lost. Throws CommandError. */
async function forward(
  session: Session,
  pod: Pod,
  addresses: readonly ListenAddress[],
  pairs: readonly PortPair[],
): Promise<number> {
  const client = await connect(session, pod);
  const listeners: Server[] = [];
  try {
    let listening = false;
    for (const pair of pairs) {
      const opened = await listenOn(session, client, addresses, pair);
      listeners.push(...opened.servers);
      if (opened.problem === undefined) listening = true;
      else session.complain(`Unable to listen on port ${opened.port}: ${opened.problem}`);
    }
    if (!listening) {
      const all = pairs.map(({ local, remote }) => `{${local} ${remote}}`).join(" ");
      throw new CommandError(`unable to listen on any of the requested ports: [${all}]`);
    }
    const { signal } = session.host;
    await client.closed;
    if (!signal.aborted) throw new CommandError("lost connection to pod");
    return 0;
  } finally {
    for (const listener of listeners) listener.close();
    client.destroy();
  }
}

async function connect(session: Session, pod: Pod): Promise<PortForwardClient> {
  const path = pathOf(podKind, pod.metadata, "portforward");
  try {
    return await overUpgrade(session, path, { first: connectPortForwardTunnel, fallback: connectPortForward });
  } catch (error) {
    if (session.host.signal.aborted) throw error;
    throw new CommandError(`error upgrading connection: ${errorMessage(error)}`);
  }
}

interface Opened {
  readonly servers: readonly Server[];
  readonly port: number;
  readonly problem: string | undefined;
}

/** Listens for one pair on every address; the addresses of localhost need not all be there, the others must. */
async function listenOn(
  session: Session,
  client: PortForwardClient,
  addresses: readonly ListenAddress[],
  { local, remote }: PortPair,
): Promise<Opened> {
  const servers: Server[] = [];
  const problems: string[] = [];
  let port = local;
  const failed = { any: 0, all: 0 };
  const done = { any: 0, all: 0 };
  for (const { address, needed } of addresses) {
    const shown = address.includes(":") ? `[${address}]` : address;
    try {
      const server = await listen(session, client, { address, port, remote });
      servers.push(server.server);
      // The other addresses get the port that was free on the first.
      port = server.port;
      session.say(`Forwarding from ${shown}:${port} -> ${remote}`);
      done[needed] += 1;
    } catch (error) {
      const family = address.includes(":") ? "tcp6" : "tcp4";
      problems.push(`unable to create listener: Error ${listenProblem(error, `${family} ${shown}:${port}`)}`);
      failed[needed] += 1;
    }
  }
  const bad = (done.all === 0 && failed.all > 0) || failed.any > 0;
  const problem = bad ? `Listeners failed to create with the following errors: [${problems.join(" ")}]` : undefined;
  return { servers, port, problem };
}

async function listen(
  session: Session,
  client: PortForwardClient,
  at: { readonly address: string; readonly port: number; readonly remote: number },
): Promise<{ readonly server: Server; readonly port: number }> {
  const { createServer } = await import("node:net");
  let port = at.port;
  // What one side has ended, the other may still answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    session.say(`Handling connection for ${port}`);
    void carry(session, client, { socket, port, remote: at.remote });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: at.address, port: at.port, ipv6Only: at.address.includes(":") }, resolve);
  });
  const address = server.address();
  if (typeof address === "object" && address !== null) port = address.port;
  return { server, port };
}

async function carry(
  session: Session,
  client: PortForwardClient,
  {
    socket,
    port,
    remote,
  }: { readonly socket: import("node:net").Socket; readonly port: number; readonly remote: number },
): Promise<void> {
  socket.on("error", () => {});
  const told = `localPort=${port} remotePort=${remote}`;
  try {
    const connection = await client.open(remote);
    await join(socket, connection.data);
    const failure = await connection.failure;
    if (failure === undefined) return;
    session.log("E", `"Unhandled Error" err="an error occurred forwarding ${port} -> ${remote}: ${failure}"`);
    // As upstream: a pod that refuses one connection is taken for lost.
    await client.close();
  } catch (error) {
    if (!session.host.signal.aborted) {
      session.log("E", `"Unhandled Error" err="error creating stream for ${told}: ${errorMessage(error)}"`);
    }
  } finally {
    socket.destroy();
  }
}
