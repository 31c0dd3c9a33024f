import { expect, test } from "vitest";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { ConfigMap } from "../../src/api/core/config-map.ts";
import { ifFound } from "../../src/client/index.ts";
import { type Cluster, startCluster } from "../../src/testing/index.ts";
import { install, Site, sites } from "./operator.ts";

const key = { namespace: "default", name: "home" };
const spec = { page: "Hello", replicas: 2, image: "web:1" };

/** A cluster in which sites are served and the operator runs. */
async function open(): Promise<AsyncDisposable & { readonly cluster: Cluster }> {
  await using opened = new AsyncDisposableStack();
  const cluster = opened.use(await startCluster({ clock: "virtual" }));
  const installed = install(cluster.client, cluster.clock, AbortSignal.timeout(20_000));
  await cluster.pass(1000);
  await installed;
  opened.use(sites.run(cluster));
  const running = opened.move();
  return { cluster, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

test("a site becomes a page and servers, follows changes, and heals what somebody broke", async () => {
  await using running = await open();
  const { cluster } = running;
  const { client } = cluster;
  const page = async () => (await client.get(ConfigMap, key)).data?.["index.html"];
  await client.create(Site, { metadata: key, spec });
  await cluster.until(async () => (await client.get(Site, key)).status?.readyReplicas === 2);
  expect(await page()).toBe("Hello");
  expect((await client.get(Deployment, key)).spec.replicas).toBe(2);

  await client.patch(Site, key, { type: "merge", body: { spec: { page: "Hello again", replicas: 3 } } });
  await cluster.until(async () => (await client.get(Site, key)).status?.readyReplicas === 3);
  expect(await page()).toBe("Hello again");
  expect((await client.get(Site, key)).status?.observedGeneration).toBe(2);

  await client.delete(ConfigMap, key);
  await cluster.pass(2000);
  expect(await page()).toBe("Hello again");

  await client.delete(Site, key);
  await cluster.pass(10_000);
  expect(await ifFound(client.get(Deployment, key))).toBeUndefined();
  expect(await ifFound(client.get(ConfigMap, key))).toBeUndefined();
});

test("a site that makes no sense is refused before the operator sees it", async () => {
  await using running = await open();
  const made = running.cluster.client.create(Site, { metadata: key, spec: { ...spec, replicas: 11 } });
  await expect(made).rejects.toThrow("spec.replicas in body should be less than or equal to 10");
});

test("what rests costs no write", async () => {
  await using running = await open();
  const { client, pass } = running.cluster;
  await client.create(Site, { metadata: key, spec });
  await pass(60_000);
  const version = async () => (await client.get(Site, key)).metadata.resourceVersion;
  const before = await version();
  await pass(600_000);
  expect(await version()).toBe(before);
});
