import { Fault } from "../lib/fault.ts";
import { contentHash } from "./content-hash.ts";
import type { Root } from "./files.ts";
import { isMembers, type Members } from "./identity.ts";
import { keyValues } from "./key-values.ts";
import type { Generator, GeneratorOptions } from "./kustomization.ts";
import { metadataOf, newResource, type Resource, remembered, withMetadata, withObject } from "./resource.ts";

/** Makes the ConfigMap or Secret that a kustomization describes. Throws `invalid`. */
export function generated(
  kind: "ConfigMap" | "Secret",
  generator: Generator,
  shared: GeneratorOptions = {},
  root: Root,
): Resource {
  const { name, namespace, options = {} } = generator;
  if (!name) throw new Fault("invalid", `a ${kind.toLowerCase()} must have a name`);
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const { key, value } of keyValues(generator, root)) {
    if (key in data || key in binaryData) {
      throw new Fault("invalid", `${kind.toLowerCase()} ${name} illegally repeats the key \`${key}\``);
    }
    const text = kind === "Secret" ? undefined : textIn(value);
    if (text !== undefined) data[key] = text;
    else (kind === "Secret" ? data : binaryData)[key] = base64Lines(value);
  }
  const labels = filled({ ...shared.labels, ...options.labels });
  const annotations = filled({ ...shared.annotations, ...options.annotations });
  const object = {
    apiVersion: "v1",
    kind,
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
    ...(kind === "Secret" ? { type: generator.type || "Opaque" } : {}),
    ...(Object.keys(data).length > 0 ? { data } : {}),
    ...(Object.keys(binaryData).length > 0 ? { binaryData } : {}),
    ...(options.immutable || shared.immutable ? { immutable: true } : {}),
  };
  const { behavior } = generator;
  return newResource(object, {
    behavior: behavior === "merge" || behavior === "replace" ? behavior : "create",
    hashed: !(options.disableNameSuffixHash || shared.disableNameSuffixHash),
  });
}

const filled = (labels: Readonly<Record<string, string>>) => (Object.keys(labels).length > 0 ? labels : undefined);

function textIn(value: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return undefined;
  }
}

/** Lines of seventy letters, each with its end when there are several. */
function base64Lines(value: Uint8Array): string {
  const text = Buffer.from(value).toString("base64");
  if (text.length <= 70) return text;
  return text.replace(/.{1,70}/g, "$&\n");
}

/** Puts the hash of its content behind the name of what wants it. */
export function withHash(resource: Resource): Resource {
  if (!resource.hashed) return resource;
  const { object } = resource;
  const name = `${metadataOf(object).name}-${contentHash(hashedContent(object))}`;
  return withObject(remembered(resource), withMetadata(object, { name }));
}

function hashedContent(object: Members): Members {
  const { kind, type, data, binaryData, stringData } = object;
  return {
    kind,
    name: "",
    data: data ?? "",
    ...(kind === "Secret" ? { type } : {}),
    ...(isMembers(binaryData) ? { binaryData } : {}),
    ...(isMembers(stringData) ? { stringData } : {}),
  };
}
