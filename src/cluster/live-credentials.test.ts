import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { openHttpServer } from "../wire/http-server.ts";
import { inspectCertificates } from "./certificate-report.ts";
import type { ClusterConfig } from "./config.ts";
import { certificateFolder, ensureCredentials, ensureNodeCredentials } from "./credentials.ts";
import { followCredentials, liveCredentials, withLivePair } from "./live-credentials.ts";
import { localNodes } from "./local-nodes.ts";

const dataDir = mkdtempSync(join(tmpdir(), "navarch-pki-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const config: ClusterConfig = {
  name: "t",
  dataDir,
  runDir: dataDir,
  apiPort: 1,
  kubeletPort: 2,
  runtime: "simulated",
  nodeName: "n1",
  nodeAddress: "10.254.0.1",
  nodeRange: "10.254.0.0/24",
  podRange: "10.244.0.0/16",
  serviceRange: "10.96.0.0/16",
  dnsAddress: "10.96.0.10",
  clusterDomain: "cluster.local",
};
const day = 86_400_000;

/** Waits until something holds, with the threads that make keys. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = systemClock.monotonic() + 60_000;
  while (!holds()) {
    if (systemClock.monotonic() > deadline) throw new Error("it never came to pass");
    await systemClock.sleep(5);
  }
}

function shownBy(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

test("certificates are renewed thirty days before their end, and a server that runs shows the new one", async () => {
  const clock = new VirtualClock(Date.now());
  const tools = { clock, random: systemRandom };
  const live = liveCredentials(await ensureCredentials(config, tools));
  const { credentials } = live;
  const first = credentials.apiServer.cert;
  const serial = () => new X509Certificate(credentials.apiServer.cert).serialNumber;
  await using server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    tls: withLivePair({ clientCa: credentials.ca }, () => credentials.apiServer),
    handle: async () => ({ status: 200 }),
  });
  expect(await shownBy(server.port)).toBe(serial());
  using _following = followCredentials(
    live,
    async () => (certificateFolder(config).whole ? await ensureCredentials(config, tools) : undefined),
    { clock, log: silentLog },
  );

  clock.advance(336 * day);
  await until(() => {
    clock.advance(60_000);
    return credentials.apiServer.cert !== first;
  });
  await shownBy(server.port); // the connection that notices may still be given the old one
  expect(await shownBy(server.port)).toBe(serial());
  const report = inspectCertificates(config, clock.now());
  expect(report.filter(({ state }) => state !== "good")).toEqual([]);
});

test("a report names every certificate, whose it is and when it ends", async () => {
  const now = Date.now();
  const [node] = localNodes(config);
  await ensureNodeCredentials(config, node, { clock: new VirtualClock(now), random: systemRandom });
  const report = inspectCertificates(config, now);
  expect(report.map(({ name }) => name)).toEqual([
    "admin",
    "apiserver",
    "apiserver-kubelet-client",
    "ca",
    "dns",
    "front-proxy-ca",
    "front-proxy-client",
    "ingress",
    "kube-proxy",
    "kubelet-n1",
    "node-n1",
  ]);
  expect(report.find(({ name }) => name === "node-n1")).toMatchObject({
    subject: "O=system:nodes, CN=system:node:n1",
    issuer: "CN=t-ca",
    authority: false,
  });
  const later = inspectCertificates(config, now + 800 * day);
  expect(later.find(({ name }) => name === "admin")?.state).toBe("ended");
  expect(later.find(({ name }) => name === "ca")?.state).toBe("good");
});
