import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { PodServices, Volumes } from "./pods/pod-services.ts";
import { ownerOf } from "./runtime/labels.ts";

type Services = Pick<PodServices, "runtime" | "cgroups" | "log" | "podsFolder" | "logRoot"> & {
  readonly volumes: Volumes;
};

/** Ends and removes what the node has of pods that the API does not know on it any more: they went while nobody looked. */
export async function removeStrangers(
  isKnown: (uid: string) => boolean,
  { runtime, cgroups, log, podsFolder, logRoot, volumes }: Services,
): Promise<void> {
  for (const sandbox of await runtime.listSandboxes()) {
    const { podUid, podName } = ownerOf(sandbox.labels);
    if (podUid === "" || isKnown(podUid)) continue;
    log.info(`ending what is left of pod ${podName}`, { podUid });
    await runtime.stopSandbox(sandbox.id);
    await runtime.removeSandbox(sandbox.id);
  }
  for (const uid of await volumes.list()) {
    if (isKnown(uid)) continue;
    await volumes.unmount(uid);
    rmSync(join(podsFolder, uid), { recursive: true, force: true });
  }
  for (const { uid, path } of (await cgroups?.listPods()) ?? []) if (!isKnown(uid)) await cgroups?.remove(path);
  for (const folder of readdirSync(logRoot)) {
    const uid = folder.split("_").at(-1) ?? "";
    if (!isKnown(uid)) rmSync(join(logRoot, folder), { recursive: true, force: true });
  }
}
