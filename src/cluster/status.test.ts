import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Transport } from "../client/transport.ts";
import { planCluster, storeFolder } from "./config.ts";
import { claimProcess } from "./process-lock.ts";
import { clusterStatus } from "./status.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-status-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const now = Date.parse("2026-01-01T00:00:00Z");

const config = {
  ...planCluster({ name: "seen", dataDir: join(folder, "seen") }, { NAVARCH_DATA: folder }),
  runDir: join(folder, "run"),
};
mkdirSync(storeFolder(config), { recursive: true });
writeFileSync(join(storeFolder(config), "data.mdb"), "x".repeat(10_000));

test("a cluster whose data is in etcd says where, and not how large a folder of old is", async () => {
  const elsewhere = { ...config, apiServerFlags: { "etcd-servers": "https://10.0.0.1:2379" } };
  const connect = () => Promise.reject(new Error("nobody asks"));
  expect(await clusterStatus(elsewhere, connect, () => now)).toMatchObject({
    state: "stopped",
    storeBytes: 0,
    etcd: "https://10.0.0.1:2379",
  });
});

const lease = (renewTime: string) => ({ spec: { holderIdentity: "me", leaseDurationSeconds: 15, renewTime } });
const node = (name: string, ready: string) => ({
  metadata: { name, labels: { "topology.kubernetes.io/zone": "a" } },
  spec: {},
  status: {
    conditions: [{ type: "Ready", status: ready }],
    addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
    nodeInfo: { kubeletVersion: "v1.35.0" },
  },
});
const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/** A server that gives these answers by path. */
function server(answers: Readonly<Record<string, unknown>>): () => Promise<Transport> {
  return async () => ({
    async send({ path }) {
      const answer = answers[path];
      const status = answer === undefined ? 404 : String(answer).includes("[-]") ? 500 : 200;
      const missing = { kind: "Status", status: "Failure", reason: "NotFound", code: 404, message: "not found" };
      return {
        status,
        headers: {},
        value: async () => answer ?? missing,
        async *events() {},
        async *bytes() {
          yield Buffer.from(String(answer));
        },
      };
    },
    async [Symbol.asyncDispose]() {},
  });
}

const healthy = {
  "/version": { gitVersion: "v1.35.0" },
  "/readyz?verbose": "[+]ping ok\nreadyz check passed\n",
  [`${leases}/kube-controller-manager`]: lease("2025-12-31T23:59:50.000000Z"),
  [`${leases}/kube-scheduler`]: lease("2025-12-31T23:59:50.000000Z"),
  "/api/v1/nodes": { items: [node("n1", "True"), node("n2", "Unknown")] },
};

const look = (answers: Readonly<Record<string, unknown>>) => clusterStatus(config, server(answers), () => now);

test("one that does not run tells where it is and how large its store is", async () => {
  const status = await look({});
  expect(status).toMatchObject({ name: "seen", state: "stopped", dataDir: config.dataDir });
  expect(status.storeBytes).toBeGreaterThanOrEqual(10_000);
  expect(status.nodes).toBeUndefined();
});

test("one that runs tells its version, its parts and its nodes", async () => {
  using _claim = claimProcess(config.runDir, "up");
  const status = await look(healthy);
  expect(status).toMatchObject({ state: "running", pid: process.pid, version: "v1.35.0" });
  expect(status.parts?.map(({ name, healthy }) => `${name} ${healthy}`)).toEqual([
    "kube-apiserver true",
    "kube-controller-manager true",
    "kube-scheduler true",
  ]);
  expect(status.nodes?.map(({ name, state, zone }) => `${name} ${state} ${zone}`)).toEqual([
    "n1 Ready a",
    "n2 NotReady a",
  ]);
});

test.each([
  {
    what: "a check of the server fails",
    answers: { "/readyz?verbose": "[+]ping ok\n[-]etcd failed: gone\n" },
    part: { name: "kube-apiserver", healthy: false, detail: "etcd failed: gone" },
  },
  {
    what: "a lease is not renewed",
    answers: { [`${leases}/kube-scheduler`]: lease("2025-12-31T23:59:40.000000Z") },
    part: { name: "kube-scheduler", healthy: false, detail: "me has not renewed its lease" },
  },
  {
    what: "nobody leads",
    answers: { [`${leases}/kube-controller-manager`]: undefined },
    part: { name: "kube-controller-manager", healthy: false, detail: "nobody leads" },
  },
])("when $what, that part is not healthy", async ({ answers, part }) => {
  using _claim = claimProcess(config.runDir, "up");
  expect((await look({ ...healthy, ...answers })).parts).toContainEqual(part);
});

test("a server that does not answer is not healthy, and its words are told", async () => {
  using _claim = claimProcess(config.runDir, "up");
  const refused = () => Promise.reject(new Error("connection refused"));
  const { parts, nodes } = await clusterStatus(config, refused, () => now);
  expect(parts).toEqual([{ name: "kube-apiserver", healthy: false, detail: "connection refused" }]);
  expect(nodes).toBeUndefined();
});
