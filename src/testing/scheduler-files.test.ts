import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { createInformers } from "../client/informer.ts";
import { readSchedulerFiles } from "../cluster/scheduler-files.ts";
import { silentLog } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { seededRandom } from "../lib/random.ts";
import { openScheduler } from "../scheduler/scheduler.ts";
import { addNodes } from "./scripted-kubelet.ts";
import { openTestCluster } from "./test-cluster.ts";

/** A folder with these files, and where each of them is. */
function folderWith(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "navarch-scheduler-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return {
    at: (name: string) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

test("a configuration is YAML or JSON, and what is wrong in it is named with the file", async () => {
  using files = folderWith({
    "good.yaml": `${head}profiles:\n- schedulerName: packing\n`,
    "good.json": JSON.stringify({
      apiVersion: "kubescheduler.config.k8s.io/v1",
      kind: "KubeSchedulerConfiguration",
      podMaxBackoffSeconds: 20,
    }),
    "field.yaml": `${head}profiles:\n- pluginz: {}\n`,
    "bounds.yaml": `${head}percentageOfNodesToScore: 101\n`,
    "other.yaml": "kind: Pod\napiVersion: v1\n",
    "broken.yaml": "a: [",
  });
  const read = (name: string) => readSchedulerFiles({ schedulerConfig: files.at(name) });
  expect((await read("good.yaml")).configuration?.profiles).toEqual([{ schedulerName: "packing" }]);
  expect((await read("good.json")).configuration?.podMaxBackoffSeconds).toBe(20);
  await expect(read("field.yaml")).rejects.toThrow(
    `${files.at("field.yaml")}: scheduler configuration: profiles[0].pluginz: unknown field`,
  );
  await expect(read("bounds.yaml")).rejects.toThrow("percentageOfNodesToScore: must be from 0 to 100");
  await expect(read("other.yaml")).rejects.toThrow("must be a KubeSchedulerConfiguration");
  await expect(read("broken.yaml")).rejects.toThrow(files.at("broken.yaml"));
  await expect(read("none.yaml")).rejects.toThrow("there is no such file");
});

const pluginFile = `
export function Quiet(args) {
  return {
    name: "Quiet",
    retryOn: [],
    filter(pod, node) {
      if (pod.metadata.labels?.vandal) pod.metadata.labels.vandal = "was here";
      return node.labels[args.label] === "yes" ? { reasons: ["the node is noisy"], preemptionHelps: false } : undefined;
    },
  };
}
`;

test("a plugin from a user's file has its say, gets its arguments, and cannot change what it sees", async () => {
  using files = folderWith({
    "plugins.ts": pluginFile,
    "config.yaml": `${head}profiles:
- plugins: { multiPoint: { enabled: [{ name: Quiet }] } }
  pluginConfig: [{ name: Quiet, args: { label: noisy } }]
`,
  });
  const wishes = await readSchedulerFiles({
    schedulerConfig: files.at("config.yaml"),
    schedulerPlugins: files.at("plugins.ts"),
  });
  await using cluster = await openTestCluster();
  const { client, clock } = cluster;
  const common = { client, clock, random: seededRandom(1), log: silentLog };
  await using informers = createInformers(common);
  await using _scheduler = await openScheduler({ ...common, informers, metrics: new Metrics(), ...wishes });
  await addNodes(cluster, "loud", "still");
  await client.patch(Node, { name: "loud" }, { type: "merge", body: { metadata: { labels: { noisy: "yes" } } } });
  await cluster.settle();
  const spec = { containers: [{ name: "c", image: "i" }] };
  await client.create(Pod, { metadata: { name: "web", namespace: "default" }, spec });
  await client.create(Pod, { metadata: { name: "bad", namespace: "default", labels: { vandal: "will-be" } }, spec });
  await cluster.settle();
  const web = await client.get(Pod, { namespace: "default", name: "web" });
  expect(web.spec.nodeName).toBe("still");
  const bad = await client.get(Pod, { namespace: "default", name: "bad" });
  expect(bad.metadata.labels).toEqual({ vandal: "will-be" });
  expect(bad.spec.nodeName).toBeUndefined();
});

test("a file without plugins, with a taken name, or that does not load, is refused", async () => {
  using files = folderWith({
    "empty.ts": "export const x = 1;",
    "taken.ts": "export const NodePorts = () => ({});",
    "broken.ts": "export function {",
  });
  const load = (name: string) => readSchedulerFiles({ schedulerPlugins: files.at(name) });
  await expect(load("empty.ts")).rejects.toThrow("exports no function that makes a plugin");
  await expect(load("taken.ts")).rejects.toThrow("NodePorts: there is a plugin of that name already");
  await expect(load("broken.ts")).rejects.toThrow(files.at("broken.ts"));
});
