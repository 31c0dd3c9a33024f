import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { dnsSubdomain, pathSegment } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, portInRange, required } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { change, fill } from "../fill.ts";
import type * as apiregistration from "../generated/apiregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type APIService = apiregistration.APIService;

const spec = path("spec");

/** Names the server that answers for an API group version. */
export const APIService = defineKind<apiregistration.APIService>({
  type: "apiregistration/v1.APIService",
  plural: "apiservices",
  categories: ["api-extensions"],
  scope: "Cluster",
  subresources: ["status"],
  name: "path",
  unconditionalUpdate: false,
  generationOf: () => undefined,
  defaults: (service) =>
    change(fill(service, { spec: { groupPriorityMinimum: 0, versionPriority: 0 } }), {
      spec: (given) => change(given, { service: (reference) => fill(reference, { port: 443 }) }),
    }),
  validate: validateApiService,
  columns: [
    nameColumn,
    text("Service", ({ spec: { service } }) => (service ? `${service.namespace}/${service.name}` : "Local")),
    text("Available", ({ status }) => availableText(status)),
    ageColumn,
  ],
  versions: sameInVersions("apiregistration.k8s.io/v1", {
    "apiregistration.k8s.io/v1beta1": "apiregistration/v1beta1.APIService",
  }),
});

function availableText(status: apiregistration.APIServiceStatus | undefined): string {
  const condition = status?.conditions?.find(({ type }) => type === "Available");
  if (!condition) return "Unknown";
  return condition.status === "True" ? "True" : `${condition.status} (${condition.reason ?? ""})`;
}

function validateApiService({ metadata, spec: given }: apiregistration.APIService): Errors {
  const { group = "", version = "", service, caBundle, insecureSkipTLSVerify } = given;
  const errors: FieldError[] = [];
  const name = `${version}.${group}`;
  if (metadata.name !== name) {
    const detail = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`;
    errors.push(field.invalid("metadata.name", metadata.name, detail));
  }
  if (group) errors.push(...named(spec.child("group"), group, dnsSubdomain));
  else if (version !== "v1")
    errors.push(field.required(spec.child("group"), "only v1 may have an empty group and it better be legacy kube"));
  errors.push(...versionFaults(version, spec.child("version")));
  errors.push(...priority(given.groupPriorityMinimum, spec.child("groupPriorityMinimum"), 20000));
  errors.push(...priority(given.versionPriority, spec.child("versionPriority"), 1000));
  if (!service) {
    const caPlace = spec.child("caBundle");
    const local = "local APIServices may not have a caBundle";
    if (caBundle) errors.push(field.invalid(caPlace, `${caBundle.length} bytes`, local));
    const skip = "local APIServices may not have insecureSkipTLSVerify";
    if (insecureSkipTLSVerify) errors.push(field.invalid(spec.child("insecureSkipTLSVerify"), true, skip));
    return errors;
  }
  const place = spec.child("service");
  errors.push(...required(place.child("namespace"), service.namespace), ...required(place.child("name"), service.name));
  errors.push(...portInRange(place.child("port"), service.port));
  if (insecureSkipTLSVerify && caBundle) {
    const detail = "may not be true if caBundle is present";
    errors.push(field.invalid(spec.child("insecureSkipTLSVerify"), true, detail));
  }
  return errors;
}

function versionFaults(version: string, place: FieldPath): Errors {
  return version === "" ? [field.required(place)] : named(place, version, pathSegment);
}

function priority(value: number | undefined, place: FieldPath, highest: number): Errors {
  if (value !== undefined && value > 0 && value <= highest) return [];
  return [field.invalid(place, value ?? 0, `must be positive and less than ${highest}`)];
}
