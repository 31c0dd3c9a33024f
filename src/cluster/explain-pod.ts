import type { Transport } from "../client/transport.ts";
import type { Status } from "../machinery/generated/meta-v1.ts";
import { StatusError } from "../machinery/status-error.ts";
import type { PodExplanation } from "../scheduler/why.ts";

export type { NodeVerdict, Objection, PodExplanation } from "../scheduler/why.ts";

/** Asks the API server why a pod is where it is. Throws StatusError. */
export async function askWhy(
  transport: Transport,
  pod: { readonly namespace: string; readonly name: string },
): Promise<PodExplanation> {
  const [namespace, name] = [pod.namespace, pod.name].map(encodeURIComponent);
  const answer = await transport.send({ method: "GET", path: `/api/v1/namespaces/${namespace}/pods/${name}/why` });
  const value = await answer.value();
  if (answer.status !== 200) throw StatusError.fromStatus(value as Status);
  return value as PodExplanation;
}
