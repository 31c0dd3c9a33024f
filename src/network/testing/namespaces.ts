import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { commandRunner, mustRun, type RunCommand } from "../machine/command.ts";
import type { AgentCommand, AgentReply } from "./net-agent.ts";

/** A network namespace of a test, with an agent in it that serves and asks. */
export interface TestNamespace extends AsyncDisposable {
  readonly name: string;
  /** Runs programs inside. */
  readonly run: RunCommand;
  readonly path: string;
  ask(command: AgentCommand): Promise<AgentReply>;
}

const host = commandRunner();
const agentFile = fileURLToPath(new URL("./net-agent.ts", import.meta.url));
let count = 0;

/** A name that no other test run uses at the same time; short enough for an interface's name. */
export function testName(prefix: string): string {
  return `${prefix}${(process.pid % 46656).toString(36)}${(count++).toString(36)}`;
}

/** Makes a namespace `nvnet-...` with loopback up. Needs root. */
export async function openNamespace(label: string): Promise<TestNamespace> {
  const name = `nvnet-${label}-${testName("")}`;
  await mustRun(host, ["ip", "netns", "add", name]);
  const path = `/run/netns/${name}`;
  const prefix = ["nsenter", `--net=${path}`];
  const run = commandRunner(prefix);
  await mustRun(run, ["ip", "link", "set", "lo", "up"]);
  let agent: Agent | undefined;
  let gone = false;
  return {
    name,
    path,
    run,
    ask: (command) => {
      agent ??= new Agent(prefix);
      return agent.ask(command);
    },
    [Symbol.asyncDispose]: async () => {
      if (gone) return;
      gone = true;
      await agent?.end();
      await mustRun(host, ["ip", "netns", "del", name]);
    },
  };
}

class Agent {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: AgentReply) => void>();
  #next = 0;

  constructor(prefix: readonly string[]) {
    const [program, ...args] = [...prefix, process.execPath, agentFile, "agent"];
    this.#child = spawn(program!, args, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const { id, reply } = JSON.parse(line) as { id: number; reply: AgentReply };
      this.#waiting.get(id)?.(reply);
      this.#waiting.delete(id);
    });
  }

  ask(command: AgentCommand): Promise<AgentReply> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin!.write(`${JSON.stringify({ id, command })}\n`);
    });
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.on("close", () => resolve());
      this.#child.stdin!.end();
    });
  }
}

/** Joins two namespaces by a veth pair; an address of undefined leaves that end without one. */
export async function joinNamespaces(
  a: { readonly in: TestNamespace; readonly device: string; readonly address?: string },
  b: { readonly in: TestNamespace; readonly device: string; readonly address?: string },
): Promise<void> {
  await mustRun(a.in.run, [
    "ip",
    "link",
    "add",
    a.device,
    "type",
    "veth",
    "peer",
    "name",
    b.device,
    "netns",
    b.in.name,
  ]);
  for (const end of [a, b]) {
    if (end.address) await mustRun(end.in.run, ["ip", "addr", "add", end.address, "dev", end.device]);
    await mustRun(end.in.run, ["ip", "link", "set", end.device, "up"]);
  }
}

/** Writes kernel settings within a namespace, given as `net.ipv4.ip_forward` -> "1". */
export async function setSysctls(namespace: TestNamespace, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(values))
    await mustRun(namespace.run, ["sysctl", "-qw", `${name}=${value}`]);
}
