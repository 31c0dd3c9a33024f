import type { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { CustomType } from "../../api/apiextensions/custom-type.ts";
import { keepsAllFields } from "../../api/apiextensions/definition-versions.ts";
import type { Schema } from "../../api/apiextensions/schema.ts";
import { prune, withSchemaDefaults } from "../../api/apiextensions/schema-form.ts";
import type * as apiextensions from "../../api/generated/apiextensions-v1.ts";
import { defineKind, type Kind, type ScalePaths, type Verb, type VersionMapping } from "../../api/kind.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type { StructInfo, TypeLookup } from "../../machinery/type-info.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { Strategy } from "../../registry/strategy.ts";
import { customStrategy } from "./custom-strategy.ts";
import { finder, printerColumns } from "./printer-columns.ts";

type Version = apiextensions.CustomResourceDefinitionVersion;
type Convert = NonNullable<VersionMapping["convert"]>;

/** All that serving a custom resource takes. */
export interface CustomKind {
  readonly kind: Kind;
  readonly lookup: TypeLookup;
  readonly strategy: Strategy;
}

/** Converts objects of one definition to a version, by asking its webhook. */
export type OutsideConversion = (objects: readonly KubeObject[], apiVersion: string) => Promise<readonly KubeObject[]>;

const verbs: readonly Verb[] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const anything: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

export interface CustomKindOptions {
  /**
   * The definition as it is now, of which only the schemas are read. Asked for whenever one is needed: between times
   * nothing here holds the schemas, which are by far the greater part of a definition.
   */
  readonly current: () => CustomResourceDefinition;
  readonly outside: OutsideConversion;
  /** The definition is being deleted, so nothing new is made. */
  readonly isLeaving: () => boolean;
}

/** The kind that an accepted definition brings; its schemas are compiled when they are first needed. */
export function customKind(definition: CustomResourceDefinition, options: CustomKindOptions): CustomKind {
  return kindOf(withoutSchemas(definition), options);
}

function kindOf(definition: CustomResourceDefinition, options: CustomKindOptions): CustomKind {
  const { spec, status } = definition;
  const { group, versions, scope } = spec;
  const names = { ...spec.names, ...status?.acceptedNames };
  const storage = versions.find(({ storage: is }) => is) ?? versions[0]!;
  const open = keepsAllFields(definition);
  const schemaOf = ({ name }: Version): Schema => schemaIn(options.current(), name);
  const formSchema = (version: Version): Schema => (open ? anything : schemaOf(version));
  const types = new Map(versions.map((version) => [typeName(group, version, names.kind), typeOf(version)] as const));

  function typeOf(version: Version): StructInfo {
    return new CustomType(typeName(group, version, names.kind), () => formSchema(version), { root: true });
  }
  const others = versions.filter((version) => version !== storage);
  const webhook = spec.conversion?.strategy === "Webhook" ? options.outside : undefined;
  const mappings = others.map(
    (version) => [`${group}/${version.name}`, mapping(`${group}/${storage.name}`, version, webhook)] as const,
  );

  function mapping(storedVersion: string, version: Version, converter: OutsideConversion | undefined): VersionMapping {
    const apiVersion = `${group}/${version.name}`;
    const formed = (object: KubeObject) => formOf(object, formSchema(version));
    const convert: Convert | undefined =
      converter &&
      (async (objects, direction) => {
        const converted = await converter(objects, direction === "toStored" ? storedVersion : apiVersion);
        return direction === "toStored"
          ? converted.map((object) => pruned(object, schemaOf(storage)))
          : converted.map(formed);
      });
    return {
      type: typeName(group, version, names.kind),
      defaults: (object) => withSchemaDefaults(object, schemaOf(version)) as KubeObject,
      toStored: (object) => pruned({ ...object, apiVersion: storedVersion }, formSchema(storage)),
      fromStored: (object) => formed({ ...object, apiVersion }),
      ...(convert ? { convert } : {}),
      own: {
        subresources: subresourcesOf(version),
        ...scaleOf(version),
        columns: printerColumns(version.additionalPrinterColumns),
        ...deprecationOf(group, names.kind, version),
        ...(version.served ? {} : { unserved: true }),
      },
    };
  }

  const kind = defineKind<KubeObject>({
    type: typeName(group, storage, names.kind),
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    scope: scope as "Cluster",
    subresources: subresourcesOf(storage),
    ...scaleOf(storage),
    verbs,
    unconditionalUpdate: false,
    defaults: (object) => withSchemaDefaults(object, formSchema(storage)) as KubeObject,
    fromStore: (object) => formOf(object, formSchema(storage)),
    prepareStatus: statusOnly,
    generationOf: subresourcesOf(storage).includes("status") ? withoutMetadataAndStatus : withoutMetadata,
    columns: printerColumns(storage.additionalPrinterColumns),
    fields: fieldsOf(versions),
    ...deprecationOf(group, names.kind, storage),
    ...(storage.served ? {} : { unserved: true }),
    versions: Object.fromEntries(mappings),
  });
  const byApiVersion = new Map(versions.map((version) => [`${group}/${version.name}`, version]));
  const judgedBy = (apiVersion: string) => {
    const version = byApiVersion.get(apiVersion);
    return version && schemaOf(version);
  };
  return { kind, lookup: (name) => types.get(name), strategy: customStrategy(judgedBy, options.isLeaving) };
}

const typeName = (group: string, { name }: Version, kind: string) => `${group}/${name}.${kind}`;

function schemaIn({ spec }: CustomResourceDefinition, version: string): Schema {
  const { schema } = spec.versions.find(({ name }) => name === version) ?? {};
  return (schema?.openAPIV3Schema as Schema | undefined) ?? anything;
}

function withoutSchemas(definition: CustomResourceDefinition): CustomResourceDefinition {
  const { spec } = definition;
  const versions = spec.versions.map(({ schema: _schema, ...version }) => version);
  return { ...definition, spec: { ...spec, versions } };
}

const pruned = (object: KubeObject, schema: Schema) => prune(object, schema, undefined, true) as KubeObject;
const formOf = (object: KubeObject, schema: Schema) => withSchemaDefaults(pruned(object, schema), schema) as KubeObject;

function subresourcesOf({ subresources }: Version): readonly string[] {
  return [...(subresources?.status ? ["status"] : []), ...(subresources?.scale ? ["scale"] : [])];
}

function scaleOf({ subresources }: Version): { readonly scale?: ScalePaths } {
  const scale = subresources?.scale;
  if (!scale) return {};
  const selector = scale.labelSelectorPath ? { selector: scale.labelSelectorPath } : {};
  return { scale: { specReplicas: scale.specReplicasPath, statusReplicas: scale.statusReplicasPath, ...selector } };
}

function deprecationOf(group: string, kind: string, version: Version): { readonly deprecation?: string } {
  if (!version.deprecated) return {};
  return { deprecation: version.deprecationWarning ?? `${group}/${version.name} ${kind} is deprecated` };
}

// Objects are selected in their stored form, which has the same fields unless a conversion moved them.
function fieldsOf(versions: readonly Version[]): Readonly<Record<string, (object: KubeObject) => string>> {
  const paths = new Set(versions.flatMap(({ selectableFields }) => selectableFields?.map((one) => one.jsonPath) ?? []));
  return Object.fromEntries(
    Array.from(paths, (jsonPath) => {
      const find = finder(jsonPath);
      return [jsonPath.replace(/^\./, ""), (object: KubeObject) => String(find(object) ?? "")] as const;
    }),
  );
}

function statusOnly(next: KubeObject, previous: KubeObject): KubeObject {
  const { status: _status, ...rest } = previous as AnyObject;
  const { status } = next as AnyObject;
  const metadata = { ...previous.metadata, managedFields: next.metadata.managedFields };
  return { ...rest, metadata, ...(status === undefined ? {} : { status }) } as KubeObject;
}

const withoutMetadata = ({ metadata: _metadata, ...rest }: KubeObject): unknown => rest;
const withoutMetadataAndStatus = (object: KubeObject): unknown => {
  const { metadata: _metadata, status: _status, ...rest } = object as AnyObject;
  return rest;
};
