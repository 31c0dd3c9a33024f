import type * as apiextensions from "../generated/apiextensions-v1.ts";

type Open = "items" | "additionalProperties" | "properties" | "allOf" | "anyOf" | "oneOf" | "not" | "default" | "enum";

/** A schema of a custom resource, with the members written out that may be of several forms. */
export interface Schema extends Omit<apiextensions.JSONSchemaProps, Open> {
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
}

/** An object of JSON, its members of any kind. */
export type Members = Readonly<Record<string, unknown>>;

/** Whether a value is an object of JSON: no list, and not null. */
export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
