import { ConfigMap } from "../../api/core/config-map.ts";
import type { Client, Informers } from "../../client/client.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { readStages, type Stage } from "./stage-file.ts";

/** Where a cluster keeps the stages of its simulated pods. */
const place = { namespace: "kube-system", name: "simulated-stages" };
const fileName = "stages.yaml";

/** Makes a file's stages those of the cluster; an empty text takes them away. Throws Fault `invalid` that names stage and field. */
export async function keepStages(client: Client, text: string): Promise<readonly Stage[]> {
  if (text.trim() === "") {
    await client.delete(ConfigMap, place).catch((error: unknown) => {
      if (!isStatus(error, "NotFound")) throw error;
    });
    return [];
  }
  const stages = readStages(text);
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: place, data: { [fileName]: text } };
  await client.patch(ConfigMap, place, { type: "apply", body, fieldManager: "navarch-stages", force: true });
  return stages;
}

/**
 * Tells of the cluster's stages once they are known, none included, and whenever they change. What cannot be read is logged,
 * and the last ones stay.
 */
export function followStages(informers: Informers, log: Log, use: (stages: readonly Stage[]) => void): Disposable {
  let known = false;
  const changed = ({ data = {} }: ConfigMap) => {
    try {
      known = true;
      use(readStages(data[fileName] ?? ""));
    } catch (error) {
      log.warn(`the stages of simulated pods stay as they were: ${errorMessage(error)}`);
    }
  };
  const one = { namespace: place.namespace, fieldSelector: `metadata.name=${place.name}` };
  const informer = informers.of(ConfigMap, one);
  const none = () => {
    if (!known) use([]);
  };
  // Closed before it was ever read: nobody waits any more.
  informer.synced().then(none, () => {});
  return informer.on({ added: changed, updated: changed, deleted: () => use([]) });
}
