import { type FieldPath, field, invalidEach } from "../../machinery/fields.ts";
import { qualifiedName } from "../../machinery/names.ts";
import type { Quantity } from "../../machinery/object.ts";
import { compareQuantities, milliValue, quantitySign } from "../../machinery/quantity.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";

const containerResources = new Set(["cpu", "memory", "ephemeral-storage"]);
const quotaResources = new Set([
  ...containerResources,
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "persistentvolumeclaims",
  "configmaps",
  "services.nodeports",
  "services.loadbalancers",
]);
const integerResources = new Set([
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);

/** `hugepages-2Mi` and its like. */
export function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-");
}

/** True for the resources that Kubernetes itself knows, as opposed to those that devices and administrators add. */
export function isNativeResource(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/** `example.com/gpu`: counted in whole units, requested and limited alike. */
export function isExtendedResource(name: string): boolean {
  return !isNativeResource(name) && !name.startsWith("requests.") && qualifiedName(`requests.${name}`).length === 0;
}

/** True for a resource of which more may be promised than there is. */
export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

function isStandardResource(name: string): boolean {
  return quotaResources.has(name) || name === "storage" || isHugePages(name) || name.startsWith("requests.hugepages-");
}

/** The faults of a resource's name: one of the known ones, or a qualified name. */
export function validateResourceName(name: string, place: FieldPath): Errors {
  const errors = invalidEach(place, name, qualifiedName(name));
  if (errors.length > 0 || name.includes("/") || isStandardResource(name)) return errors;
  return [field.invalid(place, name, "must be a standard resource type or fully qualified")];
}

/** The faults of a resource's name in a quota; unlike others, a quota also counts objects (`count/pods.example.com`). */
export function validateQuotaResourceName(name: string, place: FieldPath): Errors {
  const errors = validateResourceName(name, place);
  if (name.includes("/") || quotaResources.has(name) || isHugePages(name) || name.startsWith("requests.hugepages-")) {
    return errors;
  }
  return [...errors, field.invalid(place, name, "must be a standard resource for quota")];
}

/** The faults of the name of a resource that a container asks for. */
export function validateContainerResourceName(name: string, place: FieldPath): Errors {
  const errors = validateResourceName(name, place);
  if (!name.includes("/")) {
    if (containerResources.has(name) || isHugePages(name)) return errors;
    return [...errors, field.invalid(place, name, "must be a standard resource for containers")];
  }
  if (isNativeResource(name) || isExtendedResource(name)) return errors;
  return [...errors, field.invalid(place, name, "doesn't follow extended resource name standard")];
}

/** The faults of an amount of a resource: not negative, and whole for what is counted in units. */
export function validateAmount(name: string, amount: Quantity, place: FieldPath): Errors {
  const errors: FieldError[] = [...validateNonNegative(amount, place)];
  const counted = integerResources.has(name) || isExtendedResource(name);
  if (counted && milliValue(amount) % 1000 !== 0) errors.push(field.invalid(place, amount, "must be an integer"));
  return errors;
}

/** The fault of a quantity below zero. */
export function validateNonNegative(amount: Quantity, place: FieldPath): Errors {
  return quantitySign(amount) < 0 ? [field.invalid(place, amount, "must be greater than or equal to 0")] : [];
}

/** The faults of what a container asks for and may use at most. */
export function validateRequirements(
  resources: core.ResourceRequirements | undefined,
  place: FieldPath,
  options: { readonly claims: ReadonlySet<string> },
): Errors {
  if (!resources) return [];
  const { limits = {}, requests = {}, claims = [] } = resources;
  const errors: FieldError[] = [];
  const limitsPlace = place.child("limits");
  const requestsPlace = place.child("requests");
  for (const [name, amount] of Object.entries(limits)) {
    const here = limitsPlace.key(name);
    errors.push(...validateContainerResourceName(name, here), ...validateAmount(name, amount, here));
  }
  for (const [name, amount] of Object.entries(requests)) {
    const here = requestsPlace.key(name);
    errors.push(...validateContainerResourceName(name, here), ...validateAmount(name, amount, here));
    const limit = limits[name];
    if (limit === undefined) {
      if (!isOvercommitAllowed(name)) {
        errors.push(field.required(limitsPlace, "Limit must be set for non overcommitable resources"));
      }
      continue;
    }
    const order = compareQuantities(amount, limit);
    if (order !== 0 && !isOvercommitAllowed(name)) {
      errors.push(field.invalid(requestsPlace, amount, `must be equal to ${name} limit of ${limit}`));
    } else if (order > 0) {
      errors.push(field.invalid(requestsPlace, amount, `must be less than or equal to ${name} limit of ${limit}`));
    }
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory")) {
    errors.push(field.forbidden(place, "HugePages require cpu or memory"));
  }
  if (claims.length === 0) return errors;
  const seen = new Set<string>();
  errors.push(
    ...eachAt(claims, place.child("claims"), ({ name, request }, here) => {
      const key = request ? `${name}/${request}` : name;
      if (!name) return [field.required(here)];
      if (seen.has(key)) return [field.duplicate(here, name)];
      seen.add(key);
      return options.claims.has(name) ? [] : [field.notFound(here, name)];
    }),
  );
  return errors;
}

/** The faults of the policies for changing a running container's resources. */
export function validateResizePolicy(
  policies: readonly core.ContainerResizePolicy[] | undefined,
  place: FieldPath,
  restartPolicy: string | undefined,
): Errors {
  if (!policies?.length) return [];
  const seen = new Set<string>();
  return eachAt(policies, place, (policy, here) => {
    const errors: FieldError[] = [];
    if (seen.has(policy.resourceName)) errors.push(field.duplicate(here, policy.resourceName));
    seen.add(policy.resourceName);
    if (!policy.resourceName) errors.push(field.required(place));
    else if (policy.resourceName !== "cpu" && policy.resourceName !== "memory") {
      errors.push(field.notSupported(place, policy.resourceName, ["cpu", "memory"]));
    }
    if (!policy.restartPolicy) errors.push(field.required(place));
    else if (policy.restartPolicy !== "NotRequired" && policy.restartPolicy !== "RestartContainer") {
      errors.push(field.notSupported(place, policy.restartPolicy, ["NotRequired", "RestartContainer"]));
    } else if (restartPolicy === "Never" && policy.restartPolicy !== "NotRequired") {
      const detail = "must be 'NotRequired' when `restartPolicy` is 'Never'";
      errors.push(field.invalid(place, policy.restartPolicy, detail));
    }
    return errors;
  });
}
