import { compareQuantities, quantitySign } from "../../machinery/quantity.ts";
import type * as core from "../generated/core-v1.ts";

const counted = ["cpu", "memory"] as const;

/**
 * The quality of service that a pod's resources earn it: Guaranteed when every container's CPU and memory are limited and
 * the requests equal the limits, BestEffort when none asks for any, else Burstable.
 */
export function qosClassOf(spec: core.PodSpec): core.PodQOSClass {
  const whole = spec.resources;
  const asked = whole && [...Object.keys(whole.requests ?? {}), ...Object.keys(whole.limits ?? {})].length > 0;
  const all = asked ? [{ resources: whole }] : [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  let any = false;
  let guaranteed = true;
  for (const { resources } of all) {
    for (const name of counted) {
      const request = positive(resources?.requests?.[name]);
      const limit = positive(resources?.limits?.[name]);
      if (request !== undefined || limit !== undefined) any = true;
      if (limit === undefined || request === undefined || compareQuantities(request, limit) !== 0) guaranteed = false;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

function positive(amount: string | undefined): string | undefined {
  return amount !== undefined && quantitySign(amount) > 0 ? amount : undefined;
}
