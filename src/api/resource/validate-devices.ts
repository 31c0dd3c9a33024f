import { type FieldPath, field } from "../../machinery/fields.ts";
import { cIdentifier, dnsLabel, dnsSubdomain } from "../../machinery/names.ts";
import { duplicates, type Errors, eachAt, named, oneOf, requiredNamed } from "../checks.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import { change, each, fillEmpty } from "../fill.ts";
import type * as resource from "../generated/resource-v1.ts";

/** The most requests, constraints, settings and selectors of one claim. */
const mostItems = 32;
const mostAlternatives = 8;
const longestExpression = 10 * 1024;
const longestParameters = 10 * 1024;
const modes = ["All", "ExactCount"];

type Asked = Pick<resource.ExactDeviceRequest, "allocationMode" | "count" | "tolerations">;

/** What requests get that do not say how many devices they are for: exactly one. */
export function claimDefaults<T extends resource.ResourceClaimSpec>(spec: T): T {
  const filled = change<resource.ResourceClaimSpec>(spec, {
    devices: (devices) =>
      change(devices, {
        requests: each((request) =>
          change(request, { exactly: (exactly) => asked(exactly), firstAvailable: each((one) => asked(one)) }),
        ),
      }),
  });
  return filled as T;
}

function asked<T extends Asked>(request: T): T {
  const counted = fillEmpty<Asked>(request, { allocationMode: "ExactCount" });
  const exact = counted.allocationMode === "ExactCount" && !counted.count ? { ...counted, count: 1 } : counted;
  return change<Asked>(exact, { tolerations: each((one) => fillEmpty(one, { operator: "Equal" })) }) as T;
}

/** The faults of what a claim asks for. */
export function validateClaimSpec({ devices = {} }: resource.ResourceClaimSpec, place: FieldPath): Errors {
  const at = place.child("devices");
  const { requests = [], constraints = [], config = [] } = devices;
  const names = namesOf(requests ?? []);
  return [
    ...limited(requests, mostItems, at.child("requests")),
    ...eachAt(requests ?? [], at.child("requests"), validateRequest),
    ...duplicates(
      requests ?? [],
      ({ name }) => name,
      (index) => at.child("requests").index(index),
    ),
    ...limited(constraints, mostItems, at.child("constraints")),
    ...eachAt(constraints ?? [], at.child("constraints"), (one, here) => validateConstraint(one, here, names)),
    ...limited(config, mostItems, at.child("config")),
    ...eachAt(config ?? [], at.child("config"), (one, here) => [
      ...validateReferences(one.requests, here.child("requests"), names),
      ...validateSettings(one, here),
    ]),
  ];
}

/** The faults of settings for a driver, in a claim or a class. */
export function validateSettings({ opaque }: resource.DeviceConfiguration, place: FieldPath): Errors {
  const at = place.child("opaque");
  if (!opaque) return [field.required(at)];
  const { driver, parameters } = opaque;
  const here = at.child("parameters");
  if (parameters === undefined || parameters === null) {
    return [...validateDriverName(driver, at.child("driver")), field.required(here)];
  }
  const long = JSON.stringify(parameters).length > longestParameters ? [field.tooLong(here, longestParameters)] : [];
  const object = typeof parameters === "object" && !Array.isArray(parameters);
  const wrong = object ? [] : [field.invalid(here, "<value omitted>", "parameters must be a valid JSON object")];
  return [...validateDriverName(driver, at.child("driver")), ...long, ...wrong];
}

/** The faults of selectors of devices; their expressions are only measured here. */
export function validateDeviceSelectors(
  selectors: readonly resource.DeviceSelector[] | undefined,
  place: FieldPath,
): Errors {
  return [
    ...limited(selectors, mostItems, place),
    ...eachAt(selectors ?? [], place, ({ cel }, here) => {
      if (!cel) return [field.required(here.child("cel"))];
      const at = here.child("cel", "expression");
      if (!cel.expression) return [field.required(at)];
      return cel.expression.length > longestExpression ? [field.tooLong(at, longestExpression)] : [];
    }),
  ];
}

function validateRequest(request: resource.DeviceRequest, place: FieldPath): Errors {
  const { exactly, firstAvailable } = request;
  const name = named(place.child("name"), request.name, dnsLabel);
  const alternatives = firstAvailable ?? [];
  const either = "exactly one of `exactly` or `firstAvailable` is required";
  if (exactly && alternatives.length > 0) {
    return [...name, field.invalid(place, null, `${either}, but multiple fields are set`)];
  }
  if (exactly) return [...name, ...validateAsked(exactly, place.child("exactly"))];
  if (alternatives.length === 0) return [...name, field.required(place, either)];
  const at = place.child("firstAvailable");
  return [
    ...name,
    ...limited(alternatives, mostAlternatives, at),
    ...eachAt(alternatives, at, (one, here) => [
      ...named(here.child("name"), one.name, dnsLabel),
      ...validateAsked(one, here),
    ]),
    ...duplicates(
      alternatives,
      (one) => one.name,
      (index) => at.index(index),
    ),
  ];
}

function validateAsked(request: resource.ExactDeviceRequest | resource.DeviceSubRequest, place: FieldPath): Errors {
  const { deviceClassName, selectors, allocationMode, count = 0, tolerations } = request;
  return [
    ...requiredNamed(place.child("deviceClassName"), deviceClassName, dnsSubdomain),
    ...validateDeviceSelectors(selectors, place.child("selectors")),
    ...validateCount(allocationMode, count, place),
    ...eachAt(tolerations ?? [], place.child("tolerations"), validateToleration),
  ];
}

function validateCount(mode: string | undefined, count: number, place: FieldPath): Errors {
  const at = place.child("count");
  if (mode === "All") {
    return count === 0 ? [] : [field.invalid(at, count, "must not be specified when allocationMode is 'All'")];
  }
  if (mode === "ExactCount") return count > 0 ? [] : [field.invalid(at, count, "must be greater than zero")];
  return oneOf(place.child("allocationMode"), mode ?? "", modes);
}

function validateToleration({ key, operator, value, effect }: resource.DeviceToleration, place: FieldPath): Errors {
  const missing =
    operator === "Exists"
      ? value
        ? [field.invalid(place.child("value"), value, "must be empty for operator `Exists`")]
        : []
      : operator === "Equal" && !key
        ? [field.required(place.child("key"))]
        : [];
  return [
    ...oneOf(place.child("operator"), operator ?? "", ["Equal", "Exists"]),
    ...missing,
    ...(effect ? oneOf(place.child("effect"), effect, ["NoExecute", "NoSchedule", "None"]) : []),
  ];
}

function validateConstraint(constraint: resource.DeviceConstraint, place: FieldPath, names: Names): Errors {
  const references = validateReferences(constraint.requests, place.child("requests"), names);
  const { matchAttribute, distinctAttribute } = constraint;
  if (matchAttribute !== undefined) {
    return [...references, ...validateFullyQualified(matchAttribute, place.child("matchAttribute"))];
  }
  if (distinctAttribute === undefined) return [...references, field.required(place.child("matchAttribute"))];
  return [...references, ...validateFullyQualified(distinctAttribute, place.child("distinctAttribute"))];
}

/** The faults of the name of an attribute, which must say whose it is. */
function validateFullyQualified(name: string, place: FieldPath): Errors {
  if (name !== "" && !name.includes("/")) return [field.invalid(place, name, "must include a domain")];
  return validateQualified(name, place);
}

/** The faults of the name of an attribute or a capacity; one without a domain belongs to the driver's. */
export function validateQualified(name: string, place: FieldPath): Errors {
  if (name === "") return [field.required(place)];
  if (!name.includes("/")) return named(place, name, cIdentifier);
  const [domain = "", id = "", ...more] = name.split("/");
  if (more.length > 0) return [field.invalid(place, name, "must only contain one slash")];
  return [
    ...(domain ? validateDriverName(domain, place) : [field.invalid(place, "", "the domain must not be empty")]),
    ...(id ? named(place, id, cIdentifier) : [field.invalid(place, "", "the name must not be empty")]),
  ];
}

/** The requests of a claim by their names, with those of their alternatives. */
export type Names = ReadonlyMap<string, ReadonlySet<string>>;

export function namesOf(requests: readonly resource.DeviceRequest[]): Names {
  return new Map(
    requests.map(({ name, firstAvailable }) => [name, new Set(firstAvailable?.map((one) => one.name))] as const),
  );
}

/** The faults of the name of a request, or of one of its alternatives behind a slash. */
export function validateReference(reference: string, place: FieldPath, names: Names): Errors {
  const unknown =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  const steps = reference.split("/");
  const [request = "", alternative] = steps;
  if (steps.length > 2) return [field.invalid(place, reference, unknown)];
  const known = names.get(request)?.has(alternative ?? "") || (names.has(request) && alternative === undefined);
  return [
    ...steps.flatMap((step) => named(place, step, dnsLabel)),
    ...(known ? [] : [field.invalid(place, reference, unknown)]),
  ];
}

/** The faults of a set of such names. */
export function validateReferences(references: readonly string[] | undefined, place: FieldPath, names: Names): Errors {
  return [
    ...limited(references, mostItems, place),
    ...eachAt(references ?? [], place, (reference, here) => validateReference(reference, here, names)),
    ...duplicates(
      references ?? [],
      (reference) => reference,
      (index) => place.index(index),
    ),
  ];
}

/** The fault of a list that is too long. */
export function limited(list: readonly unknown[] | undefined, limit: number, place: FieldPath): Errors {
  const count = list?.length ?? 0;
  return count > limit ? [field.tooMany(place, count, limit)] : [];
}
