import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Row } from "./report.ts";
import type { Suite } from "./suite.ts";

const ticksPerSecond = 100;
const program = fileURLToPath(new URL("./ingress-part.ts", import.meta.url));

interface Proxy {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Requests that one processor carries in a second: this machine's other processor drives the load, and others are at work. */
export const ingressSuite: Suite = {
  name: "ingress",
  about: "requests through the Ingress engine, beside a bare proxy on Node's HTTP and nginx",
  async run({ short, note }) {
    await using children = new AsyncDisposableStack();
    const start = async (...args: readonly string[]) => {
      const child = children.adopt(fork(program, [...args]), stopped);
      const [{ port }] = (await once(child, "message")) as [{ readonly port: number }];
      return { child, port };
    };
    const milliseconds = short ? 500 : 4000;
    const backend = await start("backend");
    const rate = async (what: string, proxy: Proxy) => {
      note(what);
      await load(proxy, milliseconds / 4);
      return await load(proxy, milliseconds);
    };
    const bare = await rate("a bare proxy", await start("bare", String(backend.port)));
    const engine = await rate("the engine", await start("engine", String(backend.port)));
    const rows: Row[] = [
      {
        ...{ measure: "Ingress requests per processor second", value: engine, unit: "/s" },
        raw: { what: "bare node:http proxy", value: bare },
        goal: { ratioAtLeast: 0.7 },
      },
    ];
    if (!hasNginx()) {
      note("nginx is not on this machine: its row is left out");
      return rows;
    }
    const nginx = await rate("nginx", await startNginx(backend.port, children));
    rows.push({
      ...{ measure: "the same, beside nginx", value: engine, unit: "/s" },
      raw: { what: "nginx, one worker", value: nginx },
    });
    return rows;
  },
};

async function load({ child, port }: Proxy, milliseconds: number): Promise<number> {
  const before = processorSeconds(child.pid!);
  const client = fork(program, ["load", String(port), String(milliseconds)]);
  const [{ answered, failed }] = (await once(client, "message")) as [Readonly<Record<"answered" | "failed", number>>];
  if (failed > 0) throw new Error(`${failed} of ${answered} requests failed`);
  return answered / (processorSeconds(child.pid!) - before);
}

function processorSeconds(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(afterName[11]) + Number(afterName[12])) / ticksPerSecond;
}

function hasNginx(): boolean {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function startNginx(backend: number, children: AsyncDisposableStack): Promise<Proxy> {
  const folder = children.adopt(mkdtempSync(join(tmpdir(), "navarch-nginx-")), (path) =>
    rmSync(path, { recursive: true }),
  );
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  upstream backend { server 127.0.0.1:${backend}; keepalive 64; }
  server {
    listen 127.0.0.1:${port}; keepalive_requests 1000000;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}`,
  );
  const child = children.adopt(spawn("nginx", ["-p", folder, "-c", config], { stdio: "ignore" }), stopped);
  for (let tries = 0; tries < 100; tries++) {
    if (await answers(port)) return { child, port };
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

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
