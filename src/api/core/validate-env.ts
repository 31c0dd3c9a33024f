import { type FieldPath, field, invalidEach } from "../../machinery/fields.ts";
import { configMapKey, environmentName, qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, required } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";

const environmentFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const volumeFields = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
const readableFields = new Set([
  ...environmentFields,
  ...volumeFields,
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.host",
  "status.phase",
]);
const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const wholeDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/** The faults of a container's environment variables. */
export function validateEnv(env: readonly core.EnvVar[] | undefined, place: FieldPath): Errors {
  return eachAt(env, place, (variable, here) => [
    ...(variable.name
      ? named(here.child("name"), variable.name, environmentName)
      : [field.required(here.child("name"))]),
    ...validateSource(variable, here.child("valueFrom")),
  ]);
}

function validateSource({ value, valueFrom }: core.EnvVar, place: FieldPath): Errors {
  if (!valueFrom) return [];
  const errors: FieldError[] = [];
  let sources = 0;
  if (valueFrom.fieldRef) {
    sources++;
    errors.push(...validateFieldRef(valueFrom.fieldRef, place.child("fieldRef"), "environment"));
  }
  if (valueFrom.resourceFieldRef) {
    sources++;
    errors.push(
      ...validateResourceFieldRef(valueFrom.resourceFieldRef, place.child("resourceFieldRef"), "environment"),
    );
  }
  for (const name of ["configMapKeyRef", "secretKeyRef"] as const) {
    const reference = valueFrom[name];
    if (!reference) continue;
    sources++;
    errors.push(
      ...required(place.child(name, "name"), reference.name),
      ...validateKey(place.child(name, "key"), reference.key),
    );
  }
  if (valueFrom.fileKeyRef) {
    sources++;
    const here = place.child("fileKeyRef");
    errors.push(...required(here.child("key"), valueFrom.fileKeyRef.key));
    errors.push(...required(here.child("volumeName"), valueFrom.fileKeyRef.volumeName));
    errors.push(...required(here.child("path"), valueFrom.fileKeyRef.path));
  }
  if (sources === 0) {
    const detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
    errors.push(field.invalid(place, "", detail));
  } else if (value) errors.push(field.invalid(place, "", "may not be specified when `value` is not empty"));
  else if (sources > 1) errors.push(field.invalid(place, "", "may not have more than one field specified at a time"));
  return errors;
}

function validateKey(place: FieldPath, key: string | undefined): Errors {
  return key ? named(place, key, configMapKey) : [field.required(place)];
}

/** The faults of the config maps and secrets that a container takes whole into its environment. */
export function validateEnvFrom(sources: readonly core.EnvFromSource[] | undefined, place: FieldPath): Errors {
  return eachAt(sources, place, ({ prefix, configMapRef, secretRef }, here) => {
    const errors: FieldError[] = [];
    if (prefix) errors.push(...named(here.child("prefix"), prefix, environmentName));
    if (configMapRef) errors.push(...required(here.child("configMapRef", "name"), configMapRef.name));
    if (secretRef) errors.push(...required(here.child("secretRef", "name"), secretRef.name));
    if (!configMapRef && !secretRef) {
      errors.push(field.invalid(place, "", "must specify one of: `configMapRef` or `secretRef`"));
    } else if (configMapRef && secretRef) {
      errors.push(field.invalid(place, "", "may not have more than one field specified at a time"));
    }
    return errors;
  });
}

type Use = "environment" | "volume";

/** The faults of a reference to a field of the pod itself. */
export function validateFieldRef(reference: core.ObjectFieldSelector, place: FieldPath, use: Use): Errors {
  const { apiVersion, fieldPath } = reference;
  if (!apiVersion) return [field.required(place.child("apiVersion"))];
  if (!fieldPath) return [field.required(place.child("fieldPath"))];
  const here = place.child("fieldPath");
  if (apiVersion !== "v1") {
    return [field.invalid(here, fieldPath, `error converting fieldPath: unsupported pod version: ${apiVersion}`)];
  }
  const subscripted = /^(.*)\['(.*)'\]$/.exec(fieldPath);
  if (subscripted) {
    const [, path = "", key = ""] = subscripted;
    if (path === "metadata.annotations") return invalidEach(place, key, qualifiedName(key.toLowerCase()));
    if (path === "metadata.labels") return invalidEach(place, key, qualifiedName(key));
    const detail = `error converting fieldPath: field label does not support subscript: ${fieldPath}`;
    return [field.invalid(here, fieldPath, detail)];
  }
  if (!readableFields.has(fieldPath)) {
    return [field.invalid(here, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)];
  }
  const path = fieldPath === "spec.host" ? "spec.nodeName" : fieldPath;
  const allowed = use === "environment" ? environmentFields : volumeFields;
  return allowed.includes(path) ? [] : [field.notSupported(here, path, allowed)];
}

/** The faults of a reference to a container's own requests and limits. */
export function validateResourceFieldRef(reference: core.ResourceFieldSelector, place: FieldPath, use: Use): Errors {
  const { containerName, resource, divisor } = reference;
  if (use === "volume" && !containerName) return [field.required(place.child("containerName"))];
  if (!resource) return [field.required(place.child("resource"))];
  const errors: FieldError[] = [];
  const huge = resource.startsWith("limits.hugepages-") || resource.startsWith("requests.hugepages-");
  if (!huge && !resourceFields.includes(resource)) {
    errors.push(field.notSupported(place.child("resource"), resource, resourceFields));
  }
  if (!divisor || divisor === "0") return errors;
  const [supported, list] = resource.endsWith(".cpu")
    ? [["1m", "1"], "1m and 1"]
    : [wholeDivisors, wholeDivisors.join(", ")];
  if (!supported.includes(divisor)) {
    const kind = huge ? "hugepages" : (resource.split(".")[1] ?? "");
    const subject = kind === "ephemeral-storage" ? "the local ephemeral storage" : `the ${kind}`;
    errors.push(
      field.invalid(
        place.child("divisor"),
        resource,
        `only divisor's values ${list} are supported with ${subject} resource`,
      ),
    );
  }
  return errors;
}
