import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { roleEnvironment } from "../../src/cluster/child.ts";
import { restingFlags } from "../../src/cluster/heap-rest.ts";
import { nginxPath, startNginx } from "./nginx.ts";
import type { Row } from "./report.ts";
import type { Suite } from "./suite.ts";

const ticksPerSecond = 100;
const program = fileURLToPath(new URL("./ingress-part.ts", import.meta.url));
const loadProgram = fileURLToPath(new URL("./ingress-load.ts", import.meta.url));

interface Proxy {
  readonly child: ChildProcess;
  readonly port: number;
}

/** What a client saw of a proxy, and what the proxy's processor time would have carried in a second. */
interface Seen {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly perProcessor: number;
}

/**
 * Client, proxy and back end share this machine's processors, so the rates by the clock are those of all three together; what a
 * second of the proxy's own processor time carries compares the proxies alone, and stays true while others are at work.
 */
export const ingressSuite: Suite = {
  name: "ingress",
  about: "requests through the Ingress engine, beside a bare proxy on Node's HTTP and nginx",
  async run({ short, note, nodeOptions }) {
    await using children = new AsyncDisposableStack();
    const start = async (execArgv: readonly string[], ...args: readonly string[]) => {
      const child = children.adopt(
        fork(program, args, { execArgv: [...execArgv], env: roleEnvironment(process.env) }),
        stopped,
      );
      const [{ port }] = (await once(child, "message")) as [{ readonly port: number }];
      return { child, port };
    };
    const requests = short ? 1000 : 30_000;
    const backend = await start([], "backend");
    const measured = async (what: string, proxy: Proxy) => {
      note(what);
      // Code that V8 has not compiled yet would be measured as if it were always so.
      await load(proxy, requests / 2);
      const seen = await load(proxy, requests);
      await stopped(proxy.child);
      return seen;
    };
    const bare = await measured("a bare proxy", await start([], "bare", String(backend.port)));
    // As an agent runs, in which it is.
    const engineFlags = [...restingFlags, ...nodeOptions];
    const engine = await measured("the engine", await start(engineFlags, "engine", String(backend.port)));
    const ofEngine = "Ingress requests per processor second";
    const rows: Row[] = [
      {
        ...{ measure: `${ofEngine}, beside node:http`, value: engine.perProcessor, unit: "/s" },
        raw: { what: "bare node:http proxy", value: bare.perProcessor },
        goal: { ratioAtLeast: 0.7 },
      },
    ];
    let nginx: Seen;
    try {
      const proxy = await openNginx(backend.port, children);
      nginx = await measured("nginx, one worker", proxy);
    } catch (error) {
      note(`NOT MEASURED beside nginx, which is neither in .cache/nginx nor could be fetched: ${error}`);
      return rows;
    }
    const what = "bare nginx, one worker";
    const beside = (measure: string, of: (seen: Seen) => number, unit: string): Row => {
      return { measure, value: of(engine), unit, raw: { what, value: of(nginx) } };
    };
    return [
      ...rows,
      {
        ...beside(`${ofEngine}, beside nginx`, ({ perProcessor }) => perProcessor, "/s"),
        goal: { ratioAtLeast: 0.3 },
      },
      beside("Ingress requests, 32 connections", ({ perSecond }) => perSecond, "/s"),
      beside("Ingress latency p50", ({ p50 }) => p50, "ms"),
      beside("Ingress latency p99", ({ p99 }) => p99, "ms"),
    ];
  },
};

async function load({ child, port }: Proxy, requests: number): Promise<Seen> {
  const before = processorSeconds(child.pid!);
  const client = fork(loadProgram, [String(port), String(requests)], { execArgv: [] });
  const [{ answered, failed, ...seen }] = (await once(client, "message")) as [
    Readonly<Record<"answered" | "failed" | "perSecond" | "p50" | "p99", number>>,
  ];
  if (failed > 0) throw new Error(`${failed} of ${answered} requests failed`);
  return { ...seen, perProcessor: answered / (processorSeconds(child.pid!) - before) };
}

function processorSeconds(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(afterName[11]) + Number(afterName[12])) / ticksPerSecond;
}

async function openNginx(backend: number, children: AsyncDisposableStack): Promise<Proxy> {
  const own = await freePort();
  const child = children.adopt(startNginx(nginxPath(), { own, backend }), stopped);
  for (let tries = 0; tries < 100; tries++) {
    if (await answers(own)) return { child, port: own };
    await sleep(50);
  }
  throw new Error("nginx did not start");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** By SIGTERM, which lets V8 write its profile. */
async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}
