import { spawn } from "node:child_process";
import { createSocket, Socket as UdpSocket } from "node:dgram";
import { createServer, Server } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault, faultCode } from "../../lib/fault.ts";
import type { SocketAnswer, SocketRequest } from "./socket-helper.ts";

/** A pair of sockets on one address and port. */
export interface ListeningPair {
  readonly address: string;
  readonly port: number;
  readonly udp: UdpSocket;
  readonly tcp: Server;
}

/**
 * Listens on UDP and TCP at each address, on a free port for port 0; with a prefix (`nsenter --net=...`), in the network namespace it leads to.
 * Throws Fault `in-use`, `unavailable` or `missing`; nothing stays open then.
 */
export async function openListeningPairs(
  addresses: readonly string[],
  port: number,
  prefix: readonly string[] = [],
): Promise<ListeningPair[]> {
  if (prefix.length > 0) return openElsewhere(addresses, port, prefix);
  return port === 0 ? onFreePort(() => openHere(addresses, 0)) : openHere(addresses, port);
}

const triesForFreePort = 20;

/** Opens again when the port that the kernel chose for one protocol turns out to be taken for the other. */
export async function onFreePort<T>(open: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await open();
    } catch (error) {
      if (faultCode(error) !== "in-use" || tries === triesForFreePort) throw error;
    }
  }
}

async function openHere(addresses: readonly string[], wanted: number): Promise<ListeningPair[]> {
  const pairs: ListeningPair[] = [];
  let port = wanted;
  const opened: (UdpSocket | Server)[] = [];
  try {
    for (const address of addresses) {
      const udp = createSocket({
        type: address.includes(":") ? "udp6" : "udp4",
        recvBufferSize: 1 << 21,
        sendBufferSize: 1 << 21,
      });
      opened.push(udp);
      await started(udp, address, port, (done) => udp.bind(port, address, done));
      port = udp.address().port;
      const tcp = createServer();
      opened.push(tcp);
      await started(tcp, address, port, (done) => tcp.listen(port, address, done));
      pairs.push({ address, port, udp, tcp });
    }
    return pairs;
  } catch (error) {
    for (const socket of opened) closeQuietly(socket);
    throw error;
  }
}

function started(
  socket: UdpSocket | Server,
  address: string,
  port: number,
  start: (done: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(listenFault("code" in error ? String(error.code) : "", error.message, address, port));
    socket.once("error", failed);
    start(() => {
      socket.off("error", failed);
      resolve();
    });
  });
}

function openElsewhere(
  addresses: readonly string[],
  port: number,
  prefix: readonly string[],
): Promise<ListeningPair[]> {
  const requests: SocketRequest[] = addresses.flatMap((address) => [
    { kind: "udp", address, port },
    { kind: "tcp", address, port },
  ]);
  // The helper has this file's form: TypeScript when run from the sources, JavaScript when built.
  const helper = fileURLToPath(new URL(`./socket-helper${extname(import.meta.url)}`, import.meta.url));
  const [program, ...args] = [...prefix, process.execPath, helper, "sockets", JSON.stringify(requests)];
  const child = spawn(program!, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const handles = new Map<number, UdpSocket | Server>();
  return new Promise((resolve, reject) => {
    const fail = (fault: Fault) => {
      for (const handle of handles.values()) closeQuietly(handle);
      child.kill();
      reject(fault);
    };
    child.on("error", (error) => fail(new Fault("missing", `${program}: ${error.message}`, { cause: error })));
    child.on("exit", (code) => {
      if (handles.size < requests.length)
        fail(new Fault("unavailable", `the helper that opens sockets ended with ${code}`));
    });
    child.on("message", (message, handle) => {
      const answer = message as SocketAnswer;
      if ("failed" in answer) {
        const request = requests[answer.failed]!;
        return fail(listenFault(answer.code, answer.message, request.address, request.port));
      }
      if (!(handle instanceof UdpSocket) && !(handle instanceof Server)) {
        return fail(new Fault("internal", "the helper that opens sockets sent none"));
      }
      handles.set(answer.opened, handle);
      if (handles.size < requests.length) return;
      child.send("done");
      resolve(
        addresses.map((address, index) => ({
          address,
          port,
          udp: handles.get(2 * index) as UdpSocket,
          tcp: handles.get(2 * index + 1) as Server,
        })),
      );
    });
  });
}

function closeQuietly(socket: UdpSocket | Server): void {
  try {
    socket.close();
  } catch {
    // It never listened.
  }
}

function listenFault(code: string, message: string, address: string, port: number): Fault {
  return new Fault(code === "EADDRINUSE" ? "in-use" : "unavailable", `cannot listen on ${address}:${port}: ${message}`);
}
