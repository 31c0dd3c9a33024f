import { type FieldPath, field } from "../../machinery/fields.ts";
import { addQuantities, compareQuantities } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { Errors } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { isSidecar } from "./pod-state.ts";
import { isHugePages, validateAmount } from "./validate-resources.ts";

const podResources = ["cpu", "memory"];

/** The faults of resources that a pod asks for as a whole: known ones, and enough for what its containers ask for. */
export function validatePodResources(spec: core.PodSpec, place: FieldPath, claims: ReadonlySet<string>): Errors {
  const { resources } = spec;
  if (!resources) return [];
  const errors: FieldError[] = [];
  const limits = resources.limits ?? {};
  for (const member of ["limits", "requests"] as const) {
    for (const [name, amount] of Object.entries(resources[member] ?? {})) {
      const here = place.child(member).key(name);
      if (!podResources.includes(name) && !isHugePages(name)) {
        errors.push(field.notSupported(here, name, ["cpu", "hugepages-", "memory"]));
      }
      errors.push(...validateAmount(name, amount, here));
    }
  }
  for (const [name, amount] of Object.entries(resources.requests ?? {})) {
    const limit = limits[name];
    if (limit !== undefined && compareQuantities(amount, limit) > 0) {
      const detail = `must be less than or equal to ${name} limit of ${limit}`;
      errors.push(field.invalid(place.child("requests"), amount, detail));
    }
    const asked = aggregateRequest(spec, name);
    if (asked !== undefined && compareQuantities(asked, amount) > 0) {
      const detail = `must be greater than or equal to aggregate container requests of ${asked}`;
      errors.push(field.invalid(place.child("requests").key(name), amount, detail));
    }
  }
  for (const { name } of resources.claims ?? []) {
    if (!claims.has(name)) errors.push(field.notFound(place.child("claims"), name));
  }
  return errors;
}

/** What all containers of a pod ask for together, as the scheduler counts it; undefined when none asks. */
export function aggregateRequest(spec: core.PodSpec, resource: string): string | undefined {
  const sum = (a: string | undefined, b: string | undefined) =>
    a === undefined ? b : b === undefined ? a : addQuantities(a, b);
  const larger = (a: string | undefined, b: string | undefined) =>
    a === undefined || (b !== undefined && compareQuantities(b, a) > 0) ? b : a;
  const requestOf = (container: core.Container) => container.resources?.requests?.[resource];
  let sidecars: string | undefined;
  let highest: string | undefined;
  for (const container of spec.initContainers ?? []) {
    const request = requestOf(container);
    if (isSidecar(container)) {
      sidecars = sum(sidecars, request);
      highest = larger(highest, sidecars);
    } else highest = larger(highest, sum(sidecars, request));
  }
  const running = (spec.containers ?? []).reduce<string | undefined>(
    (total, container) => sum(total, requestOf(container)),
    sidecars,
  );
  return larger(running, highest);
}
