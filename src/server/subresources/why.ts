import type { Pod } from "../../api/core/pod.ts";
import { StatusError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { jsonResponse, routeError } from "../bodies/status-body.ts";
import type { Handler } from "../resources/dispatch.ts";

/** GET of a pod's `why`: which nodes would do and which not, and for what reasons. */
export const whyHandler: Handler = async ({ info, collection, services }) => {
  if (!services.explainPod) throw routeError("NotFound");
  const { object } = await collection.get(info.namespace, info.name);
  const answer = services.explainPod(object as AnyObject as unknown as Pod);
  if (answer === undefined) throw new StatusError("ServiceUnavailable", "the scheduler does not know the cluster yet");
  return jsonResponse(200, answer);
};
