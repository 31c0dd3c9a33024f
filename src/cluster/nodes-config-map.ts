import { ConfigMap } from "../api/core/config-map.ts";
import type { Client } from "../client/client.ts";
import { Fault } from "../lib/fault.ts";
import { isEqual } from "../machinery/equality.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { SharedNodeSettings } from "./node-settings.ts";

/** Where a cluster tells its nodes what they must agree upon. */
export const nodesConfigMap = { namespace: "kube-system", name: "navarch-nodes" };

const settingsKey = "settings.json";

/** Puts the settings that nodes share where those that join read them. */
export async function publishNodeSettings(client: Client, settings: SharedNodeSettings): Promise<void> {
  const data = { [settingsKey]: JSON.stringify(settings, undefined, 2) };
  try {
    const known = await client.get(ConfigMap, nodesConfigMap);
    if (!isEqual(known.data, data)) await client.update(ConfigMap, { ...known, data });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    await client.create(ConfigMap, { metadata: nodesConfigMap, data });
  }
}

/** Reads them, as a node. Throws Fault `unsupported` when the cluster has no way for nodes to reach each other. */
export async function readNodeSettings(client: Client): Promise<SharedNodeSettings> {
  const { data } = await client.get(ConfigMap, nodesConfigMap);
  const settings = JSON.parse(data?.[settingsKey] ?? "{}") as SharedNodeSettings;
  if (!settings.podRange)
    throw new Fault("unsupported", "this cluster does not tell its nodes how to set themselves up");
  if (settings.backend) return settings;
  throw new Fault(
    "unsupported",
    "this cluster has one node and no way to others; start it with: navarch up --advertise-address ADDRESS",
  );
}
