import type { Transport } from "../client/transport.ts";
import type { PodExplanation } from "../scheduler/why.ts";
import { callApi } from "./api-call.ts";

export type { NodeVerdict, Objection, PodExplanation } from "../scheduler/why.ts";

/** Asks the API server why a pod is where it is. Throws StatusError. */
export async function askWhy(
  transport: Transport,
  pod: { readonly namespace: string; readonly name: string },
): Promise<PodExplanation> {
  const [namespace, name] = [pod.namespace, pod.name].map(encodeURIComponent);
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/why`;
  return (await callApi(transport, { method: "GET", path })) as PodExplanation;
}
