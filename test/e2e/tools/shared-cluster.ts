import type { TestProject } from "vitest/node";
import { type ClusterPlace, newPlace, TestCluster } from "./cluster.ts";
import { kubectlPath } from "./kubectl.ts";
import { machineState } from "./machine-state.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The cluster that the specs share. */
    place: ClusterPlace;
    /** What the machine was like before it was started. */
    before: readonly string[];
    /** What the first start has said. */
    firstStart: string;
  }
}

/** Two runs on one machine need two names. */
const { NAVARCH_E2E_NAME: name = "e2e" } = process.env;

/** Before the specs: starts the cluster that they share, with the guestbook. After them: takes it away. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  kubectlPath();
  const cluster = new TestCluster(newPlace(name));
  // A run that was killed may have left one.
  await cluster.navarch(["down", "--name", cluster.place.name]);
  const before = machineState();
  try {
    project.provide("firstStart", await cluster.up("--example", "guestbook"));
    const busybox = await cluster.navarch(["image", "build"], { patience: 300_000 });
    const load = ["image", "load", "navarch.local/busybox:1.35", "--name", cluster.place.name];
    const loaded = await cluster.navarch(load);
    if (busybox.code !== 0 || loaded.code !== 0) throw new Error(busybox.stderr + loaded.stderr);
  } catch (error) {
    console.error(await cluster.diagnosis());
    await cluster.remove();
    throw error;
  }
  project.provide("place", cluster.place);
  project.provide("before", [...before]);
  return () => cluster.remove();
}
