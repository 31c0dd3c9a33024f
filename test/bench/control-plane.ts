import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";
import { httpTransport } from "../../src/client/http-transport.ts";
import { roleEnvironment } from "../../src/cluster/child.ts";
import { planCluster, writeCluster } from "../../src/cluster/config.ts";
import { ensureCredentials } from "../../src/cluster/credentials.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { systemRandom } from "../../src/lib/random.ts";
import type { Target } from "./load/h2-connection.ts";
import { MeasuredProcess } from "./measured-process.ts";

const program = fileURLToPath(new URL("../../bin/navarch.js", import.meta.url));

/** A cluster's folder, prepared as `navarch up` does, in which the control plane can be started any number of times. */
export interface PreparedCluster extends Disposable {
  readonly dataDir: string;
  readonly target: Target;
  /** Files of the API server's certificate, for the bare server. */
  readonly certificate: { readonly cert: string; readonly key: string };
}

export async function prepareCluster(folder: string): Promise<PreparedCluster> {
  const place = mkdtempSync(join(folder, "navarch-bench-"));
  const dataDir = join(place, "data");
  const port = await freePort();
  const planned = planCluster(
    { name: "bench", dataDir, apiPort: port, runtime: "simulated" },
    { NAVARCH_DATA: join(place, "clusters") },
  );
  const config = { ...planned, runDir: join(place, "run") };
  mkdirSync(config.runDir, { recursive: true });
  writeCluster(config);
  const { ca, admin } = await ensureCredentials(config, { clock: systemClock, random: systemRandom });
  return {
    dataDir,
    target: { host: "127.0.0.1", port, ca, cert: admin.cert, key: admin.key },
    certificate: { cert: join(dataDir, "pki", "apiserver.crt"), key: join(dataDir, "pki", "apiserver.key") },
    [Symbol.dispose]: () => rmSync(place, { recursive: true, force: true }),
  };
}

/** The control plane's own process; resolves when `/readyz` has answered ok over TLS. */
export async function startControlPlane(
  cluster: PreparedCluster,
  nodeOptions: readonly string[] = [],
): Promise<{ readonly process: MeasuredProcess; readonly readyAfter: number }> {
  const began = performance.now();
  const process = await MeasuredProcess.start({
    program,
    args: ["server", "--data-dir", cluster.dataDir, "--log-level", "warn"],
    nodeOptions,
    environment: roleEnvironment(env),
    ready: (message) => (message as { readonly type?: string }).type === "ready",
  });
  await using transport = adminTransport(cluster);
  const answer = await transport.send({ method: "GET", path: "/readyz" });
  if ((await answer.value()) !== "ok") throw new Fault("unavailable", `/readyz answers ${answer.status}`);
  return { process, readyAfter: performance.now() - began };
}

export function adminTransport({ target }: PreparedCluster) {
  const { host, port, ca, cert, key } = target;
  return httpTransport({ server: `https://${host}:${port}`, ca, cert, key });
}

export type BareMode = { readonly store?: boolean; readonly grow?: number; readonly size?: number };

/** The bare server of `load/bare-server.ts`, with the same certificate. */
export async function startBareServer(
  { certificate, target }: PreparedCluster,
  { store = false, grow = 0, size = 0 }: BareMode,
): Promise<{ readonly process: MeasuredProcess; readonly target: Target }> {
  const options = ["--cert", certificate.cert, "--key", certificate.key, "--grow", `${grow}`, "--size", `${size}`];
  const process = await MeasuredProcess.start<{ readonly port: number }>({
    program: fileURLToPath(new URL("./load/bare-server.ts", import.meta.url)),
    args: store ? [...options, "--store"] : options,
    ready: (message) => (message as { readonly port?: number }).port !== undefined,
  });
  return { process, target: { host: "127.0.0.1", port: process.ready.port, ca: target.ca } };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}
