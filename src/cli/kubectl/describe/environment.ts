import type { Container, EnvVarSource, Pod, ResourceFieldSelector } from "../../../api/generated/core-v1.ts";
import { milliValue, parseQuantity, quantityValue } from "../../../machinery/quantity.ts";
import { indent, type Text } from "./text.ts";

/** `ConfigMap` and `Secret` that a container takes all variables from. */
export function environmentSources({ envFrom = [] }: Container): Text {
  if (envFrom.length === 0) return undefined;
  const lines = envFrom.map(({ prefix, configMapRef, secretRef }) => {
    const { name = "", optional = false } = configMapRef ?? secretRef ?? {};
    const from = configMapRef ? "ConfigMap" : secretRef ? "Secret" : "";
    return `${name}\t${from}${prefix ? ` with prefix '${prefix}'` : ""}\tOptional: ${optional}`;
  });
  return ["Environment Variables from:", indent(1, lines)];
}

/** A container's variables; `pod` gives the values of its fields. */
export function environment(container: Container, pod: Pod | undefined): Text {
  const { env = [] } = container;
  if (env.length === 0) return "Environment:\t<none>";
  const lines = env.flatMap(({ name, value = "", valueFrom }) => {
    if (valueFrom) return [sourceText(name, valueFrom, container, pod)];
    return value.split("\n").map((line, at) => (at === 0 ? `${name}:\t${line}` : `\t${line}`));
  });
  return ["Environment:", indent(1, lines)];
}

function sourceText(name: string, from: EnvVarSource, container: Container, pod: Pod | undefined): Text {
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = from;
  if (fieldRef) {
    const { apiVersion = "v1", fieldPath } = fieldRef;
    return `${name}:\t${pod ? fieldText(pod, fieldPath) : ""} (${apiVersion}:${fieldPath})`;
  }
  if (resourceFieldRef) return `${name}:\t${resourceText(resourceFieldRef, container)} (${resourceFieldRef.resource})`;
  if (secretKeyRef) {
    const { key, name: secret = "", optional = false } = secretKeyRef;
    return `${name}:\t<set to the key '${key}' in secret '${secret}'>\tOptional: ${optional}`;
  }
  if (configMapKeyRef) {
    const { key, name: map = "", optional = false } = configMapKeyRef;
    return `${name}:\t<set to the key '${key}' of config map '${map}'>\tOptional: ${optional}`;
  }
  return undefined;
}

/** The value that a field of the pod has now; as upstream, of its name and namespace only. */
function fieldText({ metadata }: Pod, path: string): string {
  if (path === "metadata.name") return metadata.name;
  return path === "metadata.namespace" ? metadata.namespace : "";
}

/** The amount that a container asks for or may use, in units of the divisor, rounded up. */
function resourceText({ resource, divisor }: ResourceFieldSelector, { resources }: Container): string {
  const [kind = "", name = ""] = resource.split(/\.(.*)/s);
  const amount = (kind === "limits" ? resources?.limits : resources?.requests)?.[name] ?? "0";
  const by = divisor && parseQuantity(divisor).nano > 0n ? divisor : "1";
  const value =
    name === "cpu"
      ? Math.ceil(milliValue(amount) / milliValue(by))
      : Math.ceil(quantityValue(amount) / quantityValue(by));
  if (value === 0 && (resource === "limits.cpu" || resource === "limits.memory")) return "node allocatable";
  return String(value);
}
