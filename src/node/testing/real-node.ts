import "reflect-metadata";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as x509 from "@peculiar/x509";
import { Node } from "../../api/core/node.ts";
import { createInformers } from "../../client/informer.ts";
import { buildImage, busyboxImage, pauseImage } from "../../images/build.ts";
import { loadAll } from "../../images/catalogue.ts";
import { systemClock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { type Log, silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { systemRandom } from "../../lib/random.ts";
import { type NodeAgent, openNodeAgent } from "../agent.ts";
import { machineCapacity } from "../node-status.ts";
import { detectCgroups } from "../runtime/cgroup-hierarchy.ts";
import { Cgroups } from "../runtime/cgroups.ts";
import { PrivateContainerd } from "../runtime/containerd.ts";
import { openCriRuntime } from "../runtime/cri.ts";
import { diskLogFiles } from "../runtime/log-files.ts";
import { FakeApi } from "./fake-api.ts";

const run = promisify(execFile);
const prefix = "nvagt";

/**
 * A node with its own containerd, bridge and control groups, against a make-believe API. Everything on the machine is named
 * `nvagt<number>`. The agent can be taken away and brought back; `close` leaves nothing.
 */
export async function openRealNode(number: number, log: Log = silentLog) {
  const directory = await mkdtemp(join(tmpdir(), `${prefix}-`));
  const name = `${prefix}${number}`;
  const cniConfDir = join(directory, "net.d");
  await mkdir(cniConfDir);
  const ipam = { type: "host-local", ranges: [[{ subnet: `10.252.${number}.0/24` }]], dataDir: `${directory}/ipam` };
  const routes = [{ dst: "0.0.0.0/0" }];
  const plugins = [{ type: "bridge", bridge: name, isGateway: true, ipam: { ...ipam, routes } }];
  await writeFile(join(cniConfDir, "10-net.conflist"), JSON.stringify({ cniVersion: "0.4.0", name, plugins }));
  const clock = systemClock;
  const containerd = new PrivateContainerd({
    directory: join(directory, "containerd"),
    clock,
    sandboxImage: pauseImage.name,
    cniConfDir,
  });
  await containerd.start();
  const cacheDir = join(tmpdir(), `${prefix}-images`);
  const images = await Promise.all([buildImage(pauseImage, { cacheDir }), buildImage(busyboxImage, { cacheDir })]);
  await loadAll(images, { address: containerd.endpoint });
  const cgroups = new Cgroups({ hierarchy: await detectCgroups(), clock, name: `${name}-pods` });
  const runtime = openCriRuntime({ endpoint: containerd.endpoint, clock });
  // Containerd hears of an import by an event of its own, a moment after it.
  const deadline = clock.now() + 10_000;
  while (!(await runtime.imageStatus(busyboxImage.name))) {
    if (clock.now() > deadline) throw new Fault("missing", `containerd does not see the imported ${busyboxImage.name}`);
    await clock.sleep(5);
  }
  const api = new FakeApi();
  api.answer = (kind) => {
    if (kind === "TokenReview") return { status: { authenticated: true, user: { username: "admin", groups: [] } } };
    return kind === "SubjectAccessReview" ? { status: { allowed: true } } : undefined;
  };
  api.put(Node, { metadata: { name }, spec: {}, status: {} });
  const certificate = await selfSigned();
  const kubeletPort = await freePort();
  const dataFolder = join(directory, "node");
  const logRoot = join(directory, "logs");

  const startAgent = async (): Promise<NodeAgent> => {
    const informers = createInformers({ client: api.client, clock, random: systemRandom, log });
    const agent = await openNodeAgent({
      client: api.client,
      informers,
      runtime,
      cgroups,
      clock,
      random: systemRandom,
      log,
      metrics: new Metrics(),
      nodeName: name,
      addresses: [`10.252.${number}.1`],
      listenOn: ["127.0.0.1"],
      kubeletPort,
      tls: { ...certificate, clientCa: certificate.cert },
      dataFolder,
      logRoot,
      logFiles: diskLogFiles(clock),
      clusterDomain: "cluster.local",
      capacity: machineCapacity(directory),
      labels: {},
      version: "v1.35.0",
      dnsFor: () => ({ servers: ["10.96.0.10"], searches: ["svc.cluster.local"], options: ["ndots:5"] }),
    });
    return {
      endPods: () => agent.endPods(),
      async shutDown() {
        await agent.shutDown();
        await informers[Symbol.asyncDispose]();
      },
      async [Symbol.asyncDispose]() {
        await agent[Symbol.asyncDispose]();
        await informers[Symbol.asyncDispose]();
      },
    };
  };
  let agent = await startAgent();
  return {
    name,
    directory,
    dataFolder,
    logRoot,
    api,
    runtime,
    cgroups,
    containerd,
    server: `https://127.0.0.1:${kubeletPort}`,
    image: busyboxImage.name,
    /** Takes the agent away while its containers go on, and brings another. */
    async restartAgent() {
      await agent[Symbol.asyncDispose]();
      agent = await startAgent();
    },
    /** Ends everything in order and starts again. */
    async shutDownAndStart() {
      await agent.shutDown();
      agent = await startAgent();
    },
    async close() {
      await agent.shutDown();
      await runtime[Symbol.asyncDispose]();
      await containerd.stop({ purge: true });
      await run("ip", ["link", "delete", name]).catch(() => {});
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export type RealNode = Awaited<ReturnType<typeof openRealNode>>;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

async function selfSigned(): Promise<{ readonly cert: string; readonly key: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=node",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(systemClock.now() - 60_000),
    notAfter: new Date(systemClock.now() + 86_400_000),
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
  return { cert: certificate.toString("pem"), key };
}
