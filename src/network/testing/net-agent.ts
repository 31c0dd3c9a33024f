/**
 * A program for tests: runs inside a network namespace, takes commands as JSON lines and answers each with one line.
 * It serves, asks and keeps connections, so that a test can see through real sockets what the kernel does.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

export type AgentCommand =
  | {
      readonly op: "serve";
      readonly protocol: "tcp" | "udp";
      readonly port: number;
      readonly host?: string;
      readonly name: string;
    }
  | {
      readonly op: "ask";
      readonly protocol: "tcp" | "udp";
      readonly host: string;
      readonly port: number;
      readonly sourcePort?: number;
    }
  | { readonly op: "hold"; readonly host: string; readonly port: number }
  | { readonly op: "useHeld"; readonly held: number }
  | { readonly op: "hammer"; readonly host: string; readonly port: number }
  | { readonly op: "stopHammer" };

/** `answer` is the serving agent's name and the client's address as it saw it; `error` an error code or "timeout". */
export interface AgentReply {
  readonly answer?: string;
  readonly error?: string;
  readonly held?: number;
  readonly requests?: number;
  readonly failures?: readonly string[];
}

const patience = 1500;
const udpSockets = new Map<number, UdpSocket>();
const held: Socket[] = [];
let hammering: { stop: boolean; readonly done: Promise<AgentReply> } | undefined;

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

function serve(command: Extract<AgentCommand, { op: "serve" }>): Promise<AgentReply> {
  return new Promise((resolve) => {
    if (command.protocol === "udp") {
      const socket = createSocket(command.host?.includes(":") ? "udp6" : "udp4");
      socket.on("message", (_, from) => socket.send(`${command.name} ${from.address}`, from.port, from.address));
      socket.bind(command.port, command.host ?? "0.0.0.0", () => resolve({}));
      return;
    }
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write(`${command.name} ${socket.remoteAddress}`));
    });
    server.listen(command.port, command.host ?? "0.0.0.0", () => resolve({}));
  });
}

function tcpAsk(host: string, port: number, keep = false): Promise<AgentReply & { readonly socket?: Socket }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (reply: AgentReply) => {
      clearTimeout(timer);
      if (keep && reply.answer) return resolve({ ...reply, socket });
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(() => finish({ error: "timeout" }), patience);
    socket.on("connect", () => socket.write("?"));
    socket.once("data", (data) => finish({ answer: data.toString() }));
    socket.on("error", (error) => finish({ error: codeOf(error) }));
    socket.on("close", () => finish({ error: "closed" }));
  });
}

function udpAsk(host: string, port: number, sourcePort: number): Promise<AgentReply> {
  return new Promise((resolve) => {
    const known = udpSockets.get(sourcePort);
    const socket = known ?? createSocket(host.includes(":") ? "udp6" : "udp4");
    if (sourcePort && !known) udpSockets.set(sourcePort, socket);
    const finish = (reply: AgentReply) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (sourcePort) socket.disconnect();
      else socket.close();
      resolve(reply);
    };
    const timer = setTimeout(() => finish({ error: "timeout" }), patience);
    const ask = () =>
      socket.connect(port, host, () => {
        socket.once("message", (data) => finish({ answer: data.toString() }));
        socket.on("error", (error) => finish({ error: codeOf(error) }));
        socket.send("?");
      });
    if (known) ask();
    else socket.bind(sourcePort, ask);
  });
}

function useHeld(index: number): Promise<AgentReply> {
  return new Promise((resolve) => {
    const socket = held[index]!;
    const timer = setTimeout(() => resolve({ error: "timeout" }), patience);
    socket.once("data", (data) => {
      clearTimeout(timer);
      resolve({ answer: data.toString() });
    });
    socket.write("?");
  });
}

function hammer(host: string, port: number): void {
  const state = { stop: false, done: Promise.resolve<AgentReply>({}) };
  const worker = async () => {
    let requests = 0;
    const failures: string[] = [];
    while (!state.stop) {
      const reply = await tcpAsk(host, port);
      requests++;
      if (reply.error) failures.push(reply.error);
    }
    return { requests, failures };
  };
  hammering = Object.assign(state, {
    done: Promise.all([worker(), worker(), worker()]).then((all) => ({
      requests: all.reduce((sum, one) => sum + one.requests, 0),
      failures: all.flatMap((one) => one.failures),
    })),
  });
}

async function run(command: AgentCommand): Promise<AgentReply> {
  switch (command.op) {
    case "serve":
      return serve(command);
    case "ask":
      return command.protocol === "tcp"
        ? tcpAsk(command.host, command.port)
        : udpAsk(command.host, command.port, command.sourcePort ?? 0);
    case "hold": {
      const { socket, ...reply } = await tcpAsk(command.host, command.port, true);
      return socket ? { ...reply, held: held.push(socket) - 1 } : reply;
    }
    case "useHeld":
      return useHeld(command.held);
    case "hammer":
      hammer(command.host, command.port);
      return {};
    case "stopHammer":
      if (!hammering) return {};
      hammering.stop = true;
      return hammering.done;
  }
}

if (process.argv[2] === "agent") {
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const { id, command } = JSON.parse(line) as { id: number; command: AgentCommand };
      void run(command).then((reply) => process.stdout.write(`${JSON.stringify({ id, reply })}\n`));
    })
    .on("close", () => process.exit(0));
}
