import { addQuantities, compareQuantities } from "../../machinery/quantity.ts";
import type * as core from "../generated/core-v1.ts";

/** Amounts by the names of resources. */
export type Amounts = Readonly<Record<string, string>>;

/**
 * What a whole pod asks for or may use, without its overhead: containers run together, those of the start one after the
 * other beside the ones that keep running. What is said for the pod as a whole replaces the sum.
 */
export function podTotal(spec: core.PodSpec, which: "requests" | "limits"): Amounts {
  const of = ({ resources }: { readonly resources?: core.ResourceRequirements }): Amounts => resources?.[which] ?? {};
  let running: Amounts = {};
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of spec.containers ?? []) running = sumOf(running, of(container));
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === "Always") {
      running = sumOf(running, of(container));
      sidecars = sumOf(sidecars, of(container));
      starting = mostOf(starting, sidecars);
    } else starting = mostOf(starting, sumOf(of(container), sidecars));
  }
  return { ...mostOf(running, starting), ...of(spec) };
}

/** Both amounts together. */
export function sumOf(a: Amounts, b: Amounts): Amounts {
  const sum: Record<string, string> = { ...a };
  for (const [name, value] of Object.entries(b)) sum[name] = sum[name] ? addQuantities(sum[name], value) : value;
  return sum;
}

function mostOf(a: Amounts, b: Amounts): Amounts {
  const most: Record<string, string> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    if (!most[name] || compareQuantities(value, most[name]) > 0) most[name] = value;
  }
  return most;
}
