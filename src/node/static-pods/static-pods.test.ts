import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { createInformers } from "../../client/informer.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { seededRandom } from "../../lib/random.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { staticPodsOf } from "./static-pods.ts";

const manifest = (name: string, image = "registry.test/app:1") =>
  JSON.stringify({ kind: "Pod", metadata: { name }, spec: { containers: [{ name: "main", image }] } });

/** A folder of manifests whose pods are followed, with a worker in the place of the node's that ends deleted pods at once. */
async function openFolder() {
  const path = mkdtempSync(join(tmpdir(), "nvagt-static-"));
  const api = new FakeApi();
  const node = api.put(Node, { metadata: { name: "node-1" }, spec: {}, status: {} });
  const informers = createInformers({
    client: api.client,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
  });
  const story: string[] = [];
  const write = (name: string, text: string) => writeFileSync(join(path, name), text);
  const open = async () => {
    const statics = staticPodsOf({
      settings: { path, fileCheckEvery: 50, urlCheckEvery: 1000 },
      client: api.client,
      pods: informers.of(Pod),
      clock: systemClock,
      log: silentLog,
      nodeName: "node-1",
      changed: (pod) => {
        const { deletionTimestamp, name } = pod.metadata;
        const [image] = pod.spec.containers.map((container) => container.image);
        if (!pod.status?.startTime) story.push(`${deletionTimestamp ? "end" : "run"} ${name} ${image}`);
        if (deletionTimestamp) setImmediate(() => void statics.store.forget(pod));
      },
      gone: ({ metadata }) => void story.push(`gone ${metadata.name}`),
    });
    await statics.start();
    return statics;
  };
  onTestFinished(async () => {
    await informers[Symbol.asyncDispose]();
    rmSync(path, { recursive: true, force: true });
  });
  const mirror = () => api.get(Pod, "web-node-1");
  const until = (holds: () => unknown) => expect.poll(holds, { timeout: 20_000, interval: 10 }).toBeTruthy();
  return { api, node, story, write, open, mirror, until, remove: (name: string) => rmSync(join(path, name)) };
}

test("a pod of a file is mirrored with its state, and comes back there when somebody deletes it", async () => {
  const { api, node, write, open, mirror, until } = await openFolder();
  write("web.json", manifest("web"));
  await using statics = await open();
  const [pod] = statics.list();
  await until(mirror);
  expect(mirror()?.metadata).toMatchObject({
    annotations: { "kubernetes.io/config.mirror": pod!.metadata.uid, "kubernetes.io/config.source": "file" },
    ownerReferences: [{ kind: "Node", name: "node-1", uid: node.metadata.uid, controller: true }],
  });
  await statics.store.writeStatus({ ...pod!, status: { ...pod!.status, phase: "Running", startTime: "t" } });
  await until(() => mirror()?.status?.phase === "Running");

  const { uid } = mirror()!.metadata;
  await api.client.delete(Pod, { namespace: "default", name: "web-node-1" });
  await until(() => mirror() && mirror()!.metadata.uid !== uid && mirror()!.status?.phase === "Running");
  expect(mirror()!.metadata.deletionTimestamp).toBeUndefined();
});

test("a changed file ends its pod and begins another; a removed one takes the mirror with it", async () => {
  const { story, write, remove, open, mirror, until } = await openFolder();
  write("web.json", manifest("web"));
  await using statics = await open();
  await until(mirror);
  write("web.json", manifest("web", "registry.test/app:2"));
  await until(() => mirror()?.spec.containers[0]?.image === "registry.test/app:2");
  write("web.json", "{ half a file");
  write("other.json", manifest("other"));
  await until(() => statics.list().length === 2);
  remove("web.json");
  await until(() => !mirror());
  expect(story).toEqual([
    "run web-node-1 registry.test/app:1",
    "end web-node-1 registry.test/app:1",
    "gone web-node-1",
    "run web-node-1 registry.test/app:2",
    "run other-node-1 registry.test/app:1",
    "end web-node-1 registry.test/app:2",
    "gone web-node-1",
  ]);
});

test("pods run while the API is away and are mirrored when it is back; mirrors of old go", async () => {
  const { api, story, write, open, mirror, until } = await openFolder();
  api.put(Pod, {
    metadata: { name: "old-node-1", annotations: { "kubernetes.io/config.mirror": "hash" } },
    spec: { containers: [] },
  });
  let away = true;
  api.before = () => {
    if (away) throw new Error("connection refused");
  };
  write("web.json", manifest("web"));
  await using _statics = await open();
  expect(story).toEqual(["run web-node-1 registry.test/app:1"]);
  away = false;
  await until(() => mirror() && !api.get(Pod, "old-node-1"));
});
