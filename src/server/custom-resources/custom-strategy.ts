import type { Schema } from "../../api/apiextensions/schema.ts";
import { validateEmbedded, validateLists } from "../../api/apiextensions/validate-lists.ts";
import { validateValue } from "../../api/apiextensions/validate-value.ts";
import { field } from "../../machinery/fields.ts";
import { type FieldError, StatusError } from "../../machinery/status-error.ts";
import { convertToServed } from "../../registry/conversion.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { Strategy } from "../../registry/strategy.ts";
import { SchemaRules } from "./schema-rules.ts";

/** Faults after which expressions would only repeat what is known, or fail themselves. */
const blocking = new Set<FieldError["reason"]>([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

const unchecked =
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/** How writes of a custom resource are judged: by the schema of the version that the writer speaks. */
export function customStrategy(
  schemaOf: (apiVersion: string) => Schema | undefined,
  isLeaving: () => boolean,
): Strategy {
  const rules = new Map<string, SchemaRules>();
  const rulesOf = (apiVersion: string, schema: Schema) => {
    const known = rules.get(apiVersion) ?? new SchemaRules(schema);
    rules.set(apiVersion, known);
    return known;
  };
  return {
    async validate(next, previous, served) {
      if (!previous && isLeaving()) {
        throw new StatusError("MethodNotAllowed", "create not allowed while custom resource definition is terminating");
      }
      const schema = schemaOf(served.apiVersion);
      if (!schema) return [];
      const object = await convertToServed(next, served);
      const before = previous && (await convertToServed(previous, served));
      const errors = valueErrors(object, before, schema);
      const expressions = rulesOf(served.apiVersion, schema);
      if (!expressions.any) return errors;
      if (errors.some(({ reason }) => blocking.has(reason))) {
        return [...errors, field.invalid("<nil>", undefined, unchecked)];
      }
      return [...errors, ...expressions.validate(object, before)];
    },
  };
}

function valueErrors(object: AnyObject, before: AnyObject | undefined, schema: Schema): readonly FieldError[] {
  const own = before ? validateValue(object, schema, "", { value: before }) : validateValue(object, schema);
  const parts = [...validateEmbedded(object, schema), ...validateLists(object, schema)];
  if (parts.length === 0 || !before) return [...own, ...parts];
  // What was wrong before may stay wrong.
  const old = new Set([...validateEmbedded(before, schema), ...validateLists(before, schema)].map(textOf));
  return [...own, ...parts.filter((error) => !old.has(textOf(error)))];
}

const textOf = ({ field: place, message }: FieldError) => `${place}: ${message}`;
