import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { seededRandom } from "../lib/random.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { Cgroups } from "./runtime/cgroups.ts";
import { sandboxLabels } from "./runtime/labels.ts";
import { SimulatedRuntime } from "./runtime/simulated.ts";
import { removeStrangers } from "./strangers.ts";
import { dawn } from "./testing/samples.ts";

test("what is left of pods that the API does not know goes, and nothing else", async () => {
  const directory = mkdtempSync(join(tmpdir(), "nvagt-strangers-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const runtime = new SimulatedRuntime({ clock: new VirtualClock(dawn), random: seededRandom(1) });
  const sandbox = (uid: string, labels: Readonly<Record<string, string>>) =>
    runtime.runSandbox({ metadata: { name: "web", namespace: "default", uid, attempt: 0 }, labels, annotations: {} });
  const owner = { podName: "web", podNamespace: "default" };
  const known = await sandbox("uid-web", sandboxLabels({ ...owner, podUid: "uid-web" }));
  await sandbox("uid-old", sandboxLabels({ ...owner, podUid: "uid-old" }));
  // Made by somebody else, with crictl for instance.
  const foreign = await sandbox("uid-foreign", {});
  const podsFolder = join(directory, "pods");
  const logRoot = join(directory, "logs");
  const folders = (uid: string) => [join(podsFolder, uid), join(logRoot, `default_web_${uid}`)];
  for (const folder of [...folders("uid-web"), ...folders("uid-old")]) mkdirSync(folder, { recursive: true });
  const removed: string[] = [];
  const cgroups = {
    listPods: async () => ["uid-web", "uid-old"].map((uid) => ({ uid, qos: "BestEffort", path: `/pod${uid}` })),
    remove: async (path: string) => void removed.push(path),
  } as unknown as Cgroups;
  const volumes = {
    mount: async () => new Map(),
    refresh: async () => {},
    unmount: async (uid: string) => void removed.push(`volumes of ${uid}`),
    list: async () => ["uid-web", "uid-old"],
    subPath: () => "",
  };

  await removeStrangers((uid) => uid === "uid-web", { runtime, cgroups, log: silentLog, podsFolder, logRoot, volumes });

  expect((await runtime.listSandboxes()).map(({ id }) => id).sort()).toEqual([known, foreign].sort());
  expect(removed).toEqual(["volumes of uid-old", "/poduid-old"]);
  expect(folders("uid-web").map(existsSync)).toEqual([true, true]);
  expect(folders("uid-old").map(existsSync)).toEqual([false, false]);
});
