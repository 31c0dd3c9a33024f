import { type INamespace, Root } from "protobufjs";
import descriptor from "./openapi-v2-proto.json" with { type: "json" };
import type { Schema } from "./schemas.ts";

/** The media type of an OpenAPI v2 document in protobuf, which kubectl asks for. */
export const protobufTypeV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** Whether a client accepts the document in protobuf, under its present or its older name. */
export function wantsProtobufV2(accept: string | undefined): boolean {
  return (accept ?? "").includes("application/com.github.proto-openapi.spec.v2");
}

/** Writes a version 2 document as protobuf. */
export function encodeOpenApiV2(document: Schema): Uint8Array {
  // Names as the descriptor has them: protobufjs would turn them into camel case otherwise.
  const type = Root.fromJSON(descriptor as INamespace).lookupType("openapi.v2.Document");
  const message = {
    swagger: document.swagger,
    info: document.info,
    paths: { path: named(document.paths as Schema, pathItem) },
    definitions: { additional_properties: named(document.definitions as Schema, schema) },
  };
  return type.encode(type.fromObject(message)).finish();
}

function named(values: Schema, convert: (value: Schema) => object): readonly object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value: convert(value as Schema) }));
}

const methods = ["get", "put", "post", "delete", "patch"] as const;

function pathItem(item: Schema): object {
  const operations = methods.flatMap((method) =>
    item[method] ? [[method, operation(item[method] as Schema)] as const] : [],
  );
  return {
    ...Object.fromEntries(operations),
    parameters: ((item.parameters ?? []) as readonly Schema[]).map(parameter),
  };
}

function operation(value: Schema): object {
  const responses = Object.entries(value.responses as Schema).map(([name, response]) => {
    const { description, schema: body } = response as Schema;
    return { name, value: { response: { description, schema: { schema: schema(body as Schema) } } } };
  });
  return {
    operation_id: value.operationId,
    consumes: value.consumes,
    produces: value.produces,
    parameters: ((value.parameters ?? []) as readonly Schema[]).map(parameter),
    responses: { response_code: responses },
    vendor_extension: extensions(value),
  };
}

function parameter(value: Schema): object {
  const { name, in: where, required } = value;
  if (where === "body") {
    return { parameter: { body_parameter: { name, in: where, required, schema: schema(value.schema as Schema) } } };
  }
  const sub = { name, in: where, required, type: value.type, unique_items: value.uniqueItems };
  const kind = where === "path" ? "path_parameter_sub_schema" : "query_parameter_sub_schema";
  return { parameter: { non_body_parameter: { [kind]: sub } } };
}

function schema(value: Schema): object {
  const { $ref, type, format, description, required, properties, items, additionalProperties } = value;
  return {
    ...($ref ? { _ref: $ref } : {}),
    ...(type ? { type: { value: [type] } } : {}),
    ...(format ? { format } : {}),
    ...(description ? { description } : {}),
    ...(required ? { required } : {}),
    ...(value.default === undefined ? {} : { default: any(value.default) }),
    ...(properties ? { properties: { additional_properties: named(properties as Schema, schema) } } : {}),
    ...(items ? { items: { schema: [schema(items as Schema)] } } : {}),
    ...(additionalProperties ? { additional_properties: { schema: schema(additionalProperties as Schema) } } : {}),
    vendor_extension: extensions(value),
  };
}

function extensions(value: Schema): readonly object[] {
  return Object.entries(value).flatMap(([name, extension]) =>
    name.startsWith("x-") ? [{ name, value: any(extension) }] : [],
  );
}

// JSON is YAML.
const any = (value: unknown) => ({ yaml: `${JSON.stringify(value)}\n` });
