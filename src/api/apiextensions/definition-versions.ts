import { isEqual } from "../../machinery/equality.ts";
import type { KubeObject } from "../../machinery/object.ts";
import { fillEmpty, without } from "../fill.ts";
import type * as one from "../generated/apiextensions-v1.ts";
import type * as beta from "../generated/apiextensions-v1beta1.ts";
import type { VersionMapping } from "../kind.ts";
import { webhookClientDefaults } from "../webhook-client.ts";

const stored = "apiextensions.k8s.io/v1";
const served = "apiextensions.k8s.io/v1beta1";
/** Notes what had to be added to a definition that kept all fields and needed no schema, as was usual then. */
const openAnnotation = "apiextensions.k8s.io/v1beta1-open-schemas";

type Old = KubeObject & { readonly spec: beta.CustomResourceDefinitionSpec };
type New = KubeObject & { readonly spec: one.CustomResourceDefinitionSpec };
type Schema = one.JSONSchemaProps;

interface Added {
  /** Versions that had no schema at all. */
  readonly schema: readonly string[];
  /** Versions whose schema did not say at its root that it is about an object. */
  readonly type: readonly string[];
}

function withDefaults(object: KubeObject): KubeObject {
  const definition = object as Old;
  const spec = definition.spec ?? ({} as beta.CustomResourceDefinitionSpec);
  const { version, names } = spec;
  const listed = spec.versions ?? [];
  const versions = listed.length === 0 && version ? [{ name: version, served: true, storage: true }] : listed;
  const none: beta.CustomResourceConversion = { strategy: "None" };
  const conversion = fillEmpty(spec.conversion ?? none, none);
  const client = conversion.webhookClientConfig;
  return {
    ...definition,
    spec: {
      ...spec,
      version: version || versions[0]?.name,
      versions,
      scope: spec.scope || "Namespaced",
      names: names?.kind
        ? fillEmpty(names, { singular: names.kind.toLowerCase(), listKind: `${names.kind}List` })
        : names,
      preserveUnknownFields: spec.preserveUnknownFields ?? true,
      conversion: client ? { ...conversion, webhookClientConfig: webhookClientDefaults(client) } : conversion,
    },
  } as KubeObject;
}

function toStored(object: KubeObject): KubeObject {
  const definition = object as Old;
  const {
    version: _version,
    validation,
    subresources,
    additionalPrinterColumns,
    selectableFields,
    ...rest
  } = definition.spec;
  const { versions = [], conversion, preserveUnknownFields, ...spec } = rest;
  const added: { schema: string[]; type: string[] } = { schema: [], type: [] };
  const open = preserveUnknownFields !== false;
  const next = versions.map((each) => {
    const schema = each.schema ?? validation;
    const columns = each.additionalPrinterColumns ?? additionalPrinterColumns;
    const parts = {
      ...each,
      subresources: each.subresources ?? subresources,
      selectableFields: each.selectableFields ?? selectableFields,
      additionalPrinterColumns: columns?.map(({ JSONPath, ...column }) => ({ ...column, jsonPath: JSONPath })),
      schema: open ? { openAPIV3Schema: opened(schema?.openAPIV3Schema, each.name, added) } : schema,
    };
    return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
  });
  const metadata = open
    ? {
        ...definition.metadata,
        annotations: { ...definition.metadata.annotations, [openAnnotation]: JSON.stringify(added) },
      }
    : definition.metadata;
  return {
    ...definition,
    apiVersion: stored,
    metadata,
    spec: { ...spec, versions: next, ...(conversion ? { conversion: newConversion(conversion) } : {}) },
  } as unknown as KubeObject;
}

function opened(schema: Schema | undefined, version: string, added: { schema: string[]; type: string[] }): Schema {
  if (!schema) {
    added.schema.push(version);
    return { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  }
  if (!schema.type) added.type.push(version);
  return { ...schema, type: schema.type || "object", "x-kubernetes-preserve-unknown-fields": true };
}

function newConversion(conversion: beta.CustomResourceConversion): one.CustomResourceConversion {
  const { strategy, webhookClientConfig: clientConfig, conversionReviewVersions } = conversion;
  if (strategy !== "Webhook") return { strategy };
  const client = clientConfig ? { clientConfig } : {};
  return { strategy, webhook: { ...client, conversionReviewVersions: conversionReviewVersions ?? ["v1beta1"] } };
}

function fromStored(object: KubeObject): KubeObject {
  const definition = object as New;
  const { versions = [], conversion, ...spec } = definition.spec;
  const note = definition.metadata.annotations?.[openAnnotation];
  const added = note === undefined ? undefined : (JSON.parse(note) as Added);
  const old = (versions ?? []).map(({ additionalPrinterColumns, schema, ...each }) => {
    const kept = added ? closed(schema, each.name, added) : schema;
    const columns = additionalPrinterColumns?.map(({ jsonPath, ...column }) => ({ ...column, JSONPath: jsonPath }));
    return { ...each, ...(kept ? { schema: kept } : {}), ...(columns ? { additionalPrinterColumns: columns } : {}) };
  });
  const shared = ["schema", "subresources", "additionalPrinterColumns", "selectableFields"] as const;
  const hoisted: Record<string, unknown> = {};
  let list: readonly object[] = old;
  for (const name of shared) {
    const value = old[0]?.[name as keyof (typeof old)[0]];
    if (value === undefined || !old.every((each) => isEqual(each[name as keyof typeof each], value))) continue;
    hoisted[name === "schema" ? "validation" : name] = value;
    list = list.map((each) => without(each as Record<string, unknown>, name));
  }
  return {
    ...definition,
    apiVersion: served,
    metadata: withoutNote(definition.metadata),
    spec: {
      ...spec,
      ...(old[0] ? { version: old[0].name } : {}),
      versions: list,
      ...hoisted,
      preserveUnknownFields: added !== undefined,
      ...(conversion ? { conversion: oldConversion(conversion) } : {}),
    },
  } as unknown as KubeObject;
}

function closed(
  schema: one.CustomResourceValidation | undefined,
  version: string,
  added: Added,
): one.CustomResourceValidation | undefined {
  if (!schema?.openAPIV3Schema || added.schema.includes(version)) return undefined;
  const plain = without(schema.openAPIV3Schema, "x-kubernetes-preserve-unknown-fields");
  return { openAPIV3Schema: added.type.includes(version) ? without(plain, "type") : plain };
}

function oldConversion({ strategy, webhook }: one.CustomResourceConversion): beta.CustomResourceConversion {
  if (!webhook) return { strategy };
  const { clientConfig, conversionReviewVersions } = webhook;
  return { strategy, ...(clientConfig ? { webhookClientConfig: clientConfig } : {}), conversionReviewVersions };
}

function withoutNote(metadata: KubeObject["metadata"]): KubeObject["metadata"] {
  if (metadata.annotations?.[openAnnotation] === undefined) return metadata;
  const annotations = without(metadata.annotations, openAnnotation);
  const bare = without(metadata, "annotations");
  return (Object.keys(annotations).length > 0 ? { ...bare, annotations } : bare) as KubeObject["metadata"];
}

/** Definitions of the time when one schema served all versions, and none was needed. */
export const definitionMappings: Readonly<Record<string, VersionMapping>> = {
  [served]: { type: "apiextensions/v1beta1.CustomResourceDefinition", defaults: withDefaults, toStored, fromStored },
};

/** Whether a definition is of those whose objects keep all fields, whatever their schema says. */
export function keepsAllFields({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[openAnnotation] !== undefined;
}
