import { expect, test } from "vitest";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { ConfigMap } from "../../src/api/core/config-map.ts";
import { silentLog } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { isStatus } from "../../src/machinery/status-error.ts";
import { openTestCluster, type TestCluster } from "../../src/testing/test-cluster.ts";
import { install, runOperator, Site } from "./operator.ts";

const key = { namespace: "default", name: "home" };
const metadata = { ...key };

/** A cluster in which sites are served and the operator runs. */
async function open(): Promise<AsyncDisposable & { readonly cluster: TestCluster }> {
  const cluster = await openTestCluster();
  const { client, clock, informers } = cluster;
  const installed = install(client, clock, AbortSignal.timeout(20_000));
  await cluster.pass(1000);
  await installed;
  const operator = runOperator({ client, informers, clock, random: seededRandom(1), log: silentLog });
  await cluster.settle();
  return {
    cluster,
    async [Symbol.asyncDispose]() {
      await operator[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

const gone = (answer: Promise<unknown>) =>
  answer.then(
    () => false,
    (error: unknown) => isStatus(error, "NotFound"),
  );

test("a site becomes a page and servers, follows changes, and heals what somebody broke", async () => {
  await using running = await open();
  const { cluster } = running;
  const { client } = cluster;
  await client.create(Site, { metadata, spec: { page: "Hello", replicas: 2, image: "web:1" } });
  await cluster.pass(2000);
  expect((await client.get(ConfigMap, key)).data).toEqual({ "index.html": "Hello" });
  expect((await client.get(Deployment, key)).spec.replicas).toBe(2);
  expect((await client.get(Site, key)).status).toEqual({ readyReplicas: 0, observedGeneration: 1 });

  await client.patch(Site, key, { type: "merge", body: { spec: { page: "Hello again", replicas: 3 } } });
  await cluster.pass(2000);
  expect((await client.get(ConfigMap, key)).data).toEqual({ "index.html": "Hello again" });
  expect((await client.get(Deployment, key)).spec.replicas).toBe(3);

  await client.delete(ConfigMap, key);
  await cluster.pass(2000);
  expect((await client.get(ConfigMap, key)).data).toEqual({ "index.html": "Hello again" });

  await client.delete(Site, key);
  await cluster.pass(10_000);
  expect(await gone(client.get(Deployment, key))).toBe(true);
  expect(await gone(client.get(ConfigMap, key))).toBe(true);
});

test("a site that makes no sense is refused before the operator sees it", async () => {
  await using running = await open();
  const made = running.cluster.client.create(Site, { metadata, spec: { page: "x", replicas: 11, image: "web:1" } });
  await expect(made).rejects.toThrow("spec.replicas in body should be less than or equal to 10");
});
