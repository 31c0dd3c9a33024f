import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { Deployment } from "../api/apps/deployment.ts";
import { CronJob } from "../api/batch/cron-job.ts";
import { Job } from "../api/batch/job.ts";
import { ConfigMap } from "../api/core/config-map.ts";
import { Namespace } from "../api/core/namespace.ts";
import { Pod } from "../api/core/pod.ts";
import { ResourceQuota } from "../api/core/resource-quota.ts";
import { connect } from "../client/connect.ts";
import { isStatus } from "../machinery/status-error.ts";
import { startCluster } from "./start-cluster.ts";

const labels = { app: "web" };
const spec = { containers: [{ name: "c", image: "any" }] };
const web = (replicas: number) => ({
  metadata: { name: "web", namespace: "default" },
  spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
});

describe("a cluster by the wall clock", () => {
  test("runs a Deployment's pods on its simulated nodes, and collects them with it", async () => {
    await using cluster = await startCluster({ nodes: { count: 2, zones: ["a", "b"] } });
    const { client } = cluster;
    const key = { namespace: "default", name: "web" };
    await client.create(Deployment, web(4));
    await cluster.until(async () => (await client.get(Deployment, key)).status?.readyReplicas === 4);
    const nodes = new Set((await client.list(Pod)).items.map((pod) => pod.spec.nodeName));
    expect([...nodes].sort()).toEqual(["sim-1", "sim-2"]);
    await client.delete(Deployment, key);
    await cluster.until(async () => (await client.list(Pod)).items.length === 0);
  });

  test("empties a namespace that is deleted, and holds quotas", async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    const namespace = "shop";
    await client.create(Namespace, { metadata: { name: namespace }, spec: {} });
    await client.create(ResourceQuota, { metadata: { name: "few", namespace }, spec: { hard: { configmaps: "2" } } });
    const counted = async () =>
      (await client.get(ResourceQuota, { namespace, name: "few" })).status?.used?.configmaps === "1";
    await cluster.until(counted); // the one with the cluster's authority
    await client.create(ConfigMap, { metadata: { name: "one", namespace }, data: {} });
    const second = client.create(ConfigMap, { metadata: { name: "two", namespace }, data: {} });
    await expect(second).rejects.toThrow("exceeded quota: few");
    await client.delete(Namespace, { name: namespace });
    await cluster.until(() =>
      client.get(Namespace, { name: namespace }).then(
        () => false,
        (error: unknown) => isStatus(error, "NotFound"),
      ),
    );
  });

  test("knows what others may do", async () => {
    await using cluster = await startCluster({ nodes: 0 });
    const anyone = cluster.clientFor({ name: "eve", groups: ["system:authenticated"] });
    await expect(anyone.list(Pod)).rejects.toThrow('User "eve" cannot list resource "pods"');
  });

  test("stands beside others, each with what is its own", async () => {
    const names = ["a", "b", "c", "d"];
    const seen = await Promise.all(
      names.map(async (name) => {
        await using cluster = await startCluster({ nodes: 0 });
        await cluster.client.create(ConfigMap, { metadata: { name, namespace: "default" }, data: {} });
        const { items } = await cluster.client.list(ConfigMap, { namespace: "default" });
        return items.map(({ metadata }) => metadata.name).filter((each) => each !== "kube-root-ca.crt");
      }),
    );
    expect(seen).toEqual(names.map((name) => [name]));
  });

  test("says so when what is waited for does not come, with the last error", async () => {
    await using cluster = await startCluster({ nodes: 0 });
    const absent = () => cluster.client.get(Pod, { namespace: "default", name: "nobody" });
    await expect(cluster.until(absent, 30)).rejects.toMatchObject({
      message: "it did not come true within 30 ms",
      cause: { message: 'pods "nobody" not found' },
    });
  });
});

describe("a cluster by a virtual clock", () => {
  test("lives hours of CronJobs as fast as it can", async () => {
    await using cluster = await startCluster({ clock: "virtual" });
    const { client } = cluster;
    const annotations = { "simulated.navarch/run-for-ms": "60000" };
    const template = { metadata: { annotations }, spec: { ...spec, restartPolicy: "Never" as const } };
    await client.create(CronJob, {
      metadata: { name: "sums", namespace: "default" },
      spec: { schedule: "0 * * * *", successfulJobsHistoryLimit: 10, jobTemplate: { spec: { template } } },
    });
    await cluster.pass(4 * 3_600_000 + 300_000);
    const { items } = await client.list(Job);
    expect(items.map(({ status }) => status?.succeeded)).toEqual([1, 1, 1, 1]);
  }, 60_000);

  test("tells the same story from the same seed, and pods live by stages", async () => {
    const stages = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: fail}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector: {matchExpressions: [{key: .status.phase, operator: In, values: [Running]}]}
  delay: {durationMilliseconds: 1000, jitterDurationMilliseconds: 90000}
  next: {statusTemplate: "phase: Failed\\nreason: {{ Now | Quote }}"}`;
    const story = async () => {
      await using cluster = await startCluster({ clock: "virtual", seed: 7, stages });
      await cluster.client.create(Deployment, web(3));
      await cluster.pass(100_000);
      const { items } = await cluster.client.list(Pod);
      return items.map(({ metadata, status }) => `${metadata.name} ${status?.phase} ${status?.reason}`);
    };
    const first = await story();
    expect(first.filter((line) => line.includes("Failed")).length).toBeGreaterThan(2);
    expect(await story()).toEqual(first);
  });
});

test("others reach it by its kubeconfig for as long as it is there", async () => {
  const ended = await (async () => {
    await using cluster = await startCluster({ https: true, nodes: 0 });
    await using connection = connect({ kubeconfig: cluster.kubeconfig });
    const made = { metadata: { name: "over-tls", namespace: "default" }, data: { a: "1" } };
    await connection.client.create(ConfigMap, made);
    const seen = await cluster.client.get(ConfigMap, { namespace: "default", name: "over-tls" });
    expect(seen.data).toEqual({ a: "1" });
    const copies = connection.informers.of(ConfigMap, { namespace: "default" });
    await copies.synced();
    expect(copies.get({ namespace: "default", name: "over-tls" })?.data).toEqual({ a: "1" });
    return cluster.kubeconfig;
  })();
  await using late = connect({ kubeconfig: ended });
  await expect(late.client.list(ConfigMap)).rejects.toMatchObject({ code: "unavailable" });
});

test("without https there is no kubeconfig, and it says how to get one", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  expect(() => cluster.kubeconfig).toThrow("start the cluster with { https: true } for a kubeconfig");
});

test("a program that disposed its clusters ends by itself", async () => {
  const program = `
    import { startCluster } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
    for (const options of [{}, { https: true }, { clock: "virtual" }]) {
      await using cluster = await startCluster(options);
      await cluster.pass(1000);
    }
    console.log("done");`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], { timeout: 80_000 });
  expect(stdout).toBe("done\n");
}, 90_000);
