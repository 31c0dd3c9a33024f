import { Pod } from "../../api/core/pod.ts";
import type { Client } from "../../client/client.ts";
import { keyOf } from "../../machinery/object.ts";

/** Where a pod is kept whose worker tells how it is: the API, or for static pods the agent itself. */
export interface PodStore {
  /** The pod as it is there now. Throws StatusError `NotFound` or `Forbidden` when it is gone. */
  read(pod: Pod): Promise<Pod>;
  /** Replaces the status and resolves with what is stored now. Throws StatusError `Conflict` when somebody wrote in between. */
  writeStatus(pod: Pod): Promise<Pod>;
  /** Forgets this very pod, of which nothing is left on the node. Throws StatusError `NotFound` or `Conflict` when it is gone. */
  forget(pod: Pod): Promise<void>;
}

/** The pods in the API. */
export function apiPods(client: Client): PodStore {
  return {
    read: (pod) => client.get(Pod, keyOf(pod)),
    writeStatus: (pod) => client.updateStatus(Pod, pod),
    forget: (pod) =>
      client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } }),
  };
}
