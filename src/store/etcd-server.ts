import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";

/** An etcd cluster of this machine, for tests: its members' client URLs, and the means to stop and start them. */
export interface EtcdServer extends AsyncDisposable {
  readonly endpoints: readonly string[];
  kill(member: number): Promise<void>;
  restart(member: number): Promise<void>;
}

export interface EtcdServerOptions {
  readonly members?: number;
  /** PEM files for clients over TLS. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string };
}

/** Starts the machine's `etcd` (Debian: etcd-server) on free loopback ports, with data that is thrown away. */
export async function startEtcd({ members = 1, tls }: EtcdServerOptions = {}): Promise<EtcdServer> {
  const folder = mkdtempSync(join(tmpdir(), "navarch-etcd-"));
  const ports = await freePorts(members * 2);
  const client = (member: number) => `${tls ? "https" : "http"}://127.0.0.1:${ports[member * 2]}`;
  const peer = (member: number) => `http://127.0.0.1:${ports[member * 2 + 1]}`;
  const names = Array.from({ length: members }, (_, member) => `member-${member}`);
  const start = (member: number) =>
    spawn(
      "etcd",
      [
        `--name=${names[member]}`,
        `--data-dir=${join(folder, names[member]!)}`,
        `--listen-client-urls=${client(member)}`,
        `--advertise-client-urls=${client(member)}`,
        `--listen-peer-urls=${peer(member)}`,
        `--initial-advertise-peer-urls=${peer(member)}`,
        `--initial-cluster=${names.map((name, each) => `${name}=${peer(each)}`).join(",")}`,
        "--log-level=error",
        ...(tls
          ? [
              `--trusted-ca-file=${tls.ca}`,
              `--cert-file=${tls.certificate}`,
              `--key-file=${tls.key}`,
              "--client-cert-auth",
            ]
          : []),
      ],
      { stdio: "ignore" },
    );
  const processes: (ChildProcess | undefined)[] = names.map((_, member) => start(member));
  const kill = async (member: number) => {
    const running = processes[member];
    processes[member] = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  };
  for (const process of processes) process?.on("error", () => {});
  await Promise.all(names.map((_, member) => untilListening(ports[member * 2]!)));
  return {
    endpoints: names.map((_, member) => client(member)),
    kill,
    restart: async (member) => {
      await kill(member);
      processes[member] = start(member);
      await untilListening(ports[member * 2]!);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(names.map((_, member) => kill(member)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, "127.0.0.1");
    const open = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "close").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await systemClock.sleep(50);
  }
  throw new Fault("unavailable", `etcd does not listen on port ${port}: is Debian's etcd-server installed?`);
}
