import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { Lease } from "../../src/api/coordination/lease.ts";
import { Event } from "../../src/api/core/event.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { createClient } from "../../src/client/api-client.ts";
import type { Client } from "../../src/client/client.ts";
import { httpTransport } from "../../src/client/http-transport.ts";
import { type ClusterConfig, planCluster, writeCluster } from "../../src/cluster/config.ts";
import { certificateFolder, ensureCredentials } from "../../src/cluster/credentials.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { startEtcd } from "../../src/store/etcd-server.ts";
import { freePort } from "./tools/live-server.ts";
import { until } from "./tools/until.ts";

const program = fileURLToPath(new URL("../../bin/navarch.js", import.meta.url));
/** Shorter than usual: what is waited for here is that a lease runs out. */
const controllerFlags = {
  "leader-elect-lease-duration": "3s",
  "leader-elect-renew-deadline": "2s",
  "leader-elect-retry-period": "500ms",
};
const labels = { app: "web" };

interface Plane {
  readonly child: ChildProcess;
  readonly client: Client;
}

/** A control plane in a process of its own. */
async function startPlane(config: ClusterConfig, opened: AsyncDisposableStack): Promise<Plane> {
  mkdirSync(config.runDir, { recursive: true });
  writeCluster(config);
  const { ca, admin } = await ensureCredentials(config, { clock: systemClock, random: systemRandom });
  const child = fork(program, ["server", "--data-dir", config.dataDir, "--log-level", "error"], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  opened.defer(() => kill(child));
  await new Promise<void>((resolve, reject) => {
    child.on("message", (message) => {
      if ((message as { readonly type?: string }).type === "ready") resolve();
    });
    child.once("exit", () => reject(new Error("the control plane ended before it was ready")));
  });
  const server = `https://127.0.0.1:${config.apiPort}`;
  const transport = opened.use(httpTransport({ server, ca, cert: admin.cert, key: admin.key }));
  return { child, client: createClient(transport) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("of two control planes on one etcd one acts; when it is killed the other takes over", async () => {
  await using opened = new AsyncDisposableStack();
  const place = mkdtempSync(join(tmpdir(), "navarch-two-"));
  opened.defer(() => rmSync(place, { recursive: true, force: true }));
  const etcd = opened.use(await startEtcd());
  const plan = async (name: string): Promise<ClusterConfig> => {
    const wishes = { name, dataDir: join(place, name), apiPort: await freePort(), runtime: "simulated" as const };
    const apiServerFlags = { "etcd-servers": etcd.endpoints.join(",") };
    const planned = planCluster({ ...wishes, apiServerFlags, controllerFlags }, { NAVARCH_DATA: place });
    return { ...planned, runDir: join(place, `${name}-run`) };
  };
  const [one, other] = [await plan("one"), await plan("other")];
  const first = await startPlane(one, opened);
  // Both are the same cluster: one authority, one key for the tokens of service accounts.
  cpSync(certificateFolder(one).path, certificateFolder(other).path, { recursive: true });
  const second = await startPlane({ ...other, serviceRange: one.serviceRange }, opened);

  const leases = async (client: Client) =>
    (await client.list(Lease, { namespace: "kube-system" })).items.map(({ spec }) => spec.holderIdentity);
  const pods = async (client: Client) => (await client.list(Pod, { namespace: "default" })).items;
  const web = { namespace: "default", name: "web" };
  const [leader] = await leases(second.client);
  await second.client.create(Deployment, {
    metadata: web,
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "img:1" }] } },
    },
  });
  await until("the first pods", async () => (await pods(second.client)).length === 3);
  expect(await leases(second.client)).toEqual([leader, leader]);

  await kill(first.child);
  await second.client.patch(Deployment, web, { type: "merge", body: { spec: { replicas: 5 } } });
  await until("two more pods", async () => (await pods(second.client)).length === 5);
  // The scheduler's lease is another one and runs out in its own time.
  await until("leases without the dead", async () => !(await leases(second.client)).includes(leader));
  const [successor, ...others] = await leases(second.client);
  expect(others).toEqual([successor]);
  await until("its event", async () => {
    const { items } = await second.client.list(Event, { namespace: "kube-system" });
    return items.some(({ message }) => message === `${successor} became leader`);
  });
});
