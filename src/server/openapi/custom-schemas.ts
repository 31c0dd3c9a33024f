import type { Schema as CustomSchema } from "../../api/apiextensions/schema.ts";
import type { Dialect, Schema } from "./schemas.ts";

/** Members of every object, described as those of built-in kinds are. */
const objectMembers: Readonly<Record<string, Schema>> = {
  apiVersion: {
    type: "string",
    description: "The version of the API that this object is written in, as group/version.",
  },
  kind: { type: "string", description: "The kind of object that this is." },
};

/** The name of a custom resource's type in a document: `com.example.stable.v1.CronTab`. */
export function customDefinitionName(typeName: string): string {
  const dot = typeName.lastIndexOf(".");
  const slash = typeName.lastIndexOf("/");
  const group = typeName.slice(0, slash).split(".").reverse().join(".");
  return `${group}.${typeName.slice(slash + 1, dot)}.${typeName.slice(dot + 1)}`;
}

/** A custom resource's schema as a document shows it. Version 2 cannot say all of it, and says nothing rather than half. */
export function customSchema(schema: CustomSchema, dialect: Dialect, metadata: Schema): Schema {
  const root = dialect === "v2" ? plain(schema) : (schema as Schema);
  const properties = root.properties as Readonly<Record<string, Schema>> | undefined;
  return { ...root, type: "object", properties: { ...properties, ...withText(properties), metadata } };
}

// What the definition says of these members stays.
function withText(properties: Readonly<Record<string, Schema>> | undefined): Readonly<Record<string, Schema>> {
  const members = Object.entries(objectMembers);
  return Object.fromEntries(members.map(([name, usual]) => [name, { ...usual, ...properties?.[name] }]));
}

const unknownToV2 = new Set(["nullable", "default", "oneOf", "anyOf", "allOf", "not"]);
const formOf = new Set(["type", "items", "properties", "additionalProperties", "required"]);

function plain(schema: CustomSchema): Schema {
  const { nullable } = schema;
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true;
  const shapeless = nullable || open || schema["x-kubernetes-int-or-string"];
  const entries = Object.entries(schema).filter(([name]) => !unknownToV2.has(name) && !(shapeless && formOf.has(name)));
  return Object.fromEntries(entries.map(([name, value]) => [name, plainMember(name, value)]));
}

function plainMember(name: string, value: unknown): unknown {
  if (name === "properties") {
    const members = Object.entries(value as Readonly<Record<string, CustomSchema>>);
    return Object.fromEntries(members.map(([member, its]) => [member, plain(its)]));
  }
  if ((name === "items" || name === "additionalProperties") && typeof value === "object" && value !== null) {
    return plain(value as CustomSchema);
  }
  return value;
}
