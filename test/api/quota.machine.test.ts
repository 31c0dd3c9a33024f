import { expect, test } from "vitest";
import { ConfigMap } from "../../src/api/core/config-map.ts";
import { Namespace } from "../../src/api/core/namespace.ts";
import { ResourceQuota } from "../../src/api/core/resource-quota.ts";
import { startLiveServer } from "./tools/live-server.ts";
import { until } from "./tools/until.ts";

const name = "count/configmaps";
const limit = 20;

test("64 clients that create and delete never exceed a quota while its controller counts, and leave it exact", async () => {
  await using server = await startLiveServer();
  const client = server.plane.clientFor({ name: "admin", groups: ["system:masters"] });
  const namespace = "crowd";
  const used = async () => {
    const { status } = await client.get(ResourceQuota, { name: "q", namespace });
    return status?.used?.[name];
  };
  const present = async () => (await client.list(ConfigMap, { namespace })).items.length;
  await client.create(Namespace, { metadata: { name: namespace }, spec: {} });
  await client.create(ResourceQuota, { metadata: { name: "q", namespace }, spec: { hard: { [name]: String(limit) } } });
  await until("the quota is counted", async () => (await used()) !== undefined);

  let most = 0;
  let made = 0;
  const other: string[] = [];
  const work = async (worker: number) => {
    for (let round = 0; round < 20; round++) {
      const key = { name: `m${worker}-${round}`, namespace };
      try {
        await client.create(ConfigMap, { metadata: key });
        made += 1;
        most = Math.max(most, await present());
        await client.delete(ConfigMap, key);
      } catch (error) {
        const { message } = error as Error;
        if (!message.includes("exceeded quota")) other.push(message);
      }
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, worker) => work(worker)));
  expect(other).toEqual([]);
  expect(made).toBeGreaterThan(limit);
  expect(most).toBeLessThanOrEqual(limit);
  await until("the count is exact again", async () => (await used()) === String(await present()));
});
