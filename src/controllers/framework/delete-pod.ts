import { Pod } from "../../api/core/pod.ts";
import type { Client } from "../../client/client.ts";
import { keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";

/**
 * Asks for this very pod's deletion; false when it is gone already, or another has its name. Whatever else the server
 * refuses is thrown: a conflict with the pod still there would otherwise leave it to nobody.
 */
export async function deletePod(client: Client, pod: Pod): Promise<boolean> {
  const { uid } = pod.metadata;
  try {
    await client.delete(Pod, keyOf(pod), { preconditions: { uid } });
    return true;
  } catch (error) {
    if (isStatus(error, "NotFound")) return false;
    if (isStatus(error, "Conflict") && (await isGone(client, pod))) return false;
    throw error;
  }
}

async function isGone(client: Client, pod: Pod): Promise<boolean> {
  try {
    return (await client.get(Pod, keyOf(pod))).metadata.uid !== pod.metadata.uid;
  } catch (error) {
    if (isStatus(error, "NotFound")) return true;
    throw error;
  }
}
