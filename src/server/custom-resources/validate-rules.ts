import type { Schema } from "../../api/apiextensions/schema.ts";
import type { JSONSchemaProps, ValidationRule } from "../../api/generated/apiextensions-v1.ts";
import type { CelProgram } from "../../expr/cel/cel.ts";
import type { CelType } from "../../expr/cel/cel-type.ts";
import { type FieldPath, field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { compileRule, ruleType } from "./compiled-rule.ts";
import { SchemaRules } from "./schema-rules.ts";

/** What one expression, and all of a schema together, may cost by estimate: upstream's limits. */
const expressionLimit = 10_000_000;
const schemaLimit = 100_000_000;
const requestSize = 3 * 1024 * 1024;
const reasons = ["FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate"];

interface Costly {
  readonly place: FieldPath;
  readonly cost: number;
}

/** The faults of all expressions of a schema: each must compile, give the right type, be cheap enough, and allow the defaults. */
export function validateRules(given: JSONSchemaProps, place: FieldPath): readonly FieldError[] {
  const walk = new Walk();
  walk.visit(given as Schema, place, { times: 1, root: true, old: undefined });
  const { errors, costly } = walk;
  const total = costly.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= schemaLimit) return errors;
  const what = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
  const most = [...costly].sort((a, b) => b.cost - a.cost).slice(0, 4);
  const parts = most.filter(({ cost }) => cost > schemaLimit / 10).map((one) => field.forbidden(one.place, what));
  const whole = costText(
    "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema",
    total,
    schemaLimit,
  );
  return [...errors, ...parts, field.forbidden(place, whole)];
}

interface Surroundings {
  /** How often the schema applies to one object at most. */
  readonly times: number;
  readonly root: boolean;
  /** The place above which an element cannot be told to be the same as before; undefined where it can. */
  readonly old: FieldPath | undefined;
}

class Walk {
  readonly errors: FieldError[] = [];
  readonly costly: Costly[] = [];

  visit(schema: Schema, place: FieldPath, around: Surroundings): void {
    const rules = schema["x-kubernetes-validations"] ?? [];
    const here = place.child("x-kubernetes-validations");
    const type = rules.length > 0 ? ruleType(schema, around.root) : undefined;
    rules.forEach((rule, index) => {
      this.#judge(rule, schema, type, here.index(index), around);
    });
    if (schema.default !== undefined) {
      const judge = new SchemaRules(schema, { root: around.root });
      this.errors.push(...judge.validate(schema.default, undefined, place.child("default")));
    }
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      this.visit(member, place.child("properties").key(name), { ...around, root: false });
    }
    const { additionalProperties: others, items } = schema;
    if (typeof others === "object") {
      const times = around.times * (schema.maxProperties ?? mostElements(others, 6));
      this.visit(others, place.child("additionalProperties"), { ...around, times, root: false });
    }
    if (items) {
      const times = around.times * (schema.maxItems ?? mostElements(items, 1));
      const below = place.child("items");
      const old = schema["x-kubernetes-list-type"] === "map" ? around.old : (around.old ?? place);
      this.visit(items, below, { times, root: false, old });
    }
  }

  #judge(
    rule: ValidationRule,
    schema: Schema,
    type: CelType | undefined,
    place: FieldPath,
    around: Surroundings,
  ): void {
    const form = formFaults(rule, schema, place);
    this.errors.push(...form);
    if (form.length > 0) return;
    if (!type) {
      const why = "rules are not allowed where the schema says nothing of the value's form";
      this.errors.push(field.invalid(place.child("rule"), rule.rule, why));
      return;
    }
    const compiled = compileRule(rule, type);
    if (!compiled.ok) {
      const text = compiled.part === "rule" ? rule.rule : rule.messageExpression;
      this.errors.push(field.invalid(place.child(compiled.part), text, compiled.text));
      return;
    }
    const { program, message, transition } = compiled.rule;
    if (transition && around.old) {
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${around.old}`;
      this.errors.push(field.invalid(place.child("rule"), rule.rule, why));
    }
    if (rule.optionalOldSelf && !transition) {
      const why = "may not be set if oldSelf is not used in rule";
      this.errors.push(field.invalid(place.child("optionalOldSelf"), true, why));
    }
    this.#weigh(program, "rule", place, around.times);
    if (message) this.#weigh(message, "messageExpression", place, around.times);
  }

  #weigh(program: CelProgram, part: "rule" | "messageExpression", place: FieldPath, times: number): void {
    const cost = Math.min(program.estimatedCost.max * times, Number.MAX_SAFE_INTEGER);
    this.costly.push({ place: place.child(part), cost });
    if (cost <= expressionLimit) return;
    this.errors.push(field.forbidden(place.child(part), costText(`estimated ${part} cost`, cost, expressionLimit)));
  }
}

function formFaults(rule: ValidationRule, schema: Schema, place: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { message, reason, fieldPath, messageExpression } = rule;
  if (rule.rule.trim() === "") errors.push(field.required(place.child("rule"), "rule is not specified"));
  if (message !== undefined && message !== "") {
    if (message.trim() === "") {
      errors.push(field.invalid(place.child("message"), message, "message must be non-empty if specified"));
    } else if (/[\r\n]/.test(message.trim())) {
      errors.push(field.invalid(place.child("message"), message, "message must not contain line breaks"));
    }
  } else if (/[\r\n]/.test(rule.rule.trim())) {
    errors.push(field.required(place.child("message"), "message must be specified if rule contains line breaks"));
  }
  if (messageExpression !== undefined && messageExpression !== "" && messageExpression.trim() === "") {
    const why = "messageExpression must be non-empty if specified";
    errors.push(field.required(place.child("messageExpression"), why));
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    errors.push(field.notSupported(place.child("reason"), reason, reasons));
  }
  if (fieldPath) {
    const why = /[\r\n]/.test(fieldPath) ? "fieldPath must not contain line breaks" : wrongPlace(fieldPath, schema);
    if (why) errors.push(field.invalid(place.child("fieldPath"), fieldPath, why));
  }
  return errors;
}

/** Why a rule cannot blame this place; undefined when it can. */
function wrongPlace(fieldPath: string, schema: Schema): string | undefined {
  const invalid = "fieldPath must be a valid path: ";
  const steps = fieldPath.match(/\.[^.[\]']+|\['(?:[^'\\]|\\.)+'\]/g) ?? [];
  if (steps.length === 0 || steps.join("") !== fieldPath) {
    return fieldPath.startsWith(".") || fieldPath.startsWith("[")
      ? `${invalid}does not refer to a valid field`
      : `${invalid}expected [ or . but got: ${fieldPath.split(/[.[]/)[0]}`;
  }
  let here: Schema | undefined = schema;
  for (const step of steps) {
    const name: string = step.startsWith(".") ? step.slice(1) : step.slice(2, -2).replace(/\\(.)/g, "$1");
    const others: Schema | undefined =
      typeof here?.additionalProperties === "object" ? here.additionalProperties : undefined;
    here = here?.properties?.[name] ?? others;
    if (!here) return `${invalid}does not refer to a valid field`;
  }
  return undefined;
}

/** How many elements of a schema one request can hold, by the fewest bytes that one takes. */
function mostElements(schema: Schema, between: number): number {
  return Math.floor(requestSize / (fewestBytes(schema) + between));
}

function fewestBytes(schema: Schema): number {
  switch (schema.type) {
    case "object":
      return (schema.required ?? []).reduce((sum, name) => {
        const member = schema.properties?.[name];
        return member && member.default === undefined ? sum + name.length + 4 + fewestBytes(member) : sum;
      }, 2);
    case "array":
    case "string":
      return 2;
    case "boolean":
      return 4;
    default:
      return 1;
  }
}

function costText(what: string, cost: number, limit: number): string {
  const by = cost / limit;
  const factor = by > 100 ? "more than 100x" : by < 1.5 ? `${by.toFixed(6)}x` : `${by.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
