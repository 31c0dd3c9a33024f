import { isMembers, type Members, type Schema } from "../../api/apiextensions/schema.ts";
import { keyText } from "../../api/apiextensions/validate-value.ts";
import type { CelProgram } from "../../expr/cel/cel.ts";
import { fromJson } from "../../expr/cel/json-value.ts";
import { CelError, CelOptional } from "../../expr/cel/value.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type CompiledRule, compileRule, ruleType } from "./compiled-rule.ts";

/** What all rules may cost for one request, and one rule at one place, as upstream counts. */
const requestBudget = 10_000_000;
const callLimit = 1_000_000;
const longestMessage = 5120;

/** The rules of one schema and of what is below it; undefined where there are none. */
interface Node {
  readonly schema: Schema;
  readonly root: boolean;
  readonly properties: ReadonlyMap<string, Node>;
  readonly others: Node | undefined;
  readonly items: Node | undefined;
  rules: readonly CompiledRule[] | undefined;
}

interface Before {
  readonly value: unknown;
}

/** The expressions of a schema (`x-kubernetes-validations`), compiled when the first value is judged. */
export class SchemaRules {
  readonly #tree: Node | undefined;

  /** By default the schema is that of a whole object, which has a kind and metadata besides. */
  constructor(schema: Schema, { root = true }: { readonly root?: boolean } = {}) {
    this.#tree = treeOf(schema, root);
  }

  /** Whether there are any. */
  get any(): boolean {
    return this.#tree !== undefined;
  }

  /** The faults of a value whose form is right, and which stands at a place. */
  validate(value: unknown, before: unknown, at = path()): readonly FieldError[] {
    if (!this.#tree) return [];
    const run = new Run();
    run.visit(this.#tree, value, before === undefined ? undefined : { value: before }, at);
    return run.errors;
  }
}

function treeOf(schema: Schema, root: boolean): Node | undefined {
  const properties = new Map<string, Node>();
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const node = treeOf(member, false);
    if (node) properties.set(name, node);
  }
  const others =
    typeof schema.additionalProperties === "object" ? treeOf(schema.additionalProperties, false) : undefined;
  const items = schema.items && treeOf(schema.items, false);
  const own = schema["x-kubernetes-validations"]?.length ?? 0;
  if (own === 0 && properties.size === 0 && !others && !items) return undefined;
  return { schema, root, properties, others, items, rules: own === 0 ? [] : undefined };
}

function rulesOf(node: Node): readonly CompiledRule[] {
  if (node.rules) return node.rules;
  const type = ruleType(node.schema, node.root || node.schema["x-kubernetes-embedded-resource"] === true);
  const rules = node.schema["x-kubernetes-validations"] ?? [];
  // A rule that no longer compiles was accepted by another version of this program.
  node.rules = type
    ? rules.flatMap((rule) => {
        const compiled = compileRule(rule, type);
        return compiled.ok ? [compiled.rule] : [];
      })
    : [];
  return node.rules;
}

/** One object on its way through the rules. */
class Run {
  readonly errors: FieldError[] = [];
  #left = requestBudget;

  visit(node: Node, value: unknown, before: Before | undefined, at: FieldPath): void {
    if (this.#left < 0 || value === null || value === undefined) return;
    const same = before !== undefined && isEqual(value, before.value);
    for (const rule of rulesOf(node)) {
      if (same && !rule.transition) continue; // what has not changed is not judged again
      this.#judge(rule, node, value, before, at);
      if (this.#left < 0) return;
    }
    if (Array.isArray(value)) this.#visitItems(node, value, before, at);
    else if (isMembers(value)) this.#visitMembers(node, value, before, at);
  }

  #visitItems({ items, schema }: Node, value: readonly unknown[], before: Before | undefined, at: FieldPath): void {
    if (!items) return;
    const keys = schema["x-kubernetes-list-type"] === "map" ? schema["x-kubernetes-list-map-keys"] : undefined;
    const old = new Map<string, unknown>();
    if (keys && Array.isArray(before?.value)) for (const item of before.value) old.set(keyText(item, keys), item);
    for (const [index, item] of value.entries()) {
      const key = keys && keyText(item, keys);
      const then = key !== undefined && old.has(key) ? { value: old.get(key) } : undefined;
      this.visit(items, item, then, at.index(index));
    }
  }

  #visitMembers({ properties, others }: Node, value: Members, before: Before | undefined, at: FieldPath): void {
    const old = before && isMembers(before.value) ? before.value : undefined;
    for (const [name, member] of Object.entries(value)) {
      const own = properties.get(name);
      const node = own ?? others;
      if (!node) continue;
      const then = old && Object.hasOwn(old, name) ? { value: old[name] } : undefined;
      this.visit(node, member, then, own ? at.child(name) : at.key(name));
    }
  }

  #judge(compiled: CompiledRule, { schema }: Node, value: unknown, before: Before | undefined, at: FieldPath): void {
    const { rule, transition } = compiled;
    if (transition && !before && !rule.optionalOldSelf) return;
    const old = rule.optionalOldSelf ? optionalOld(compiled, before) : before?.value;
    const variables = old === undefined ? { self: value } : { self: value, oldSelf: old };
    const result = this.#evaluate(compiled.program, variables);
    const here = String(at) || "<nil>";
    const shown = schema.type ?? "";
    const text = rule.rule.trim();
    if (result.ok) {
      if (result.value !== true) this.errors.push(this.#refusal(compiled, variables, shown, at));
    } else if (result.overBudget) {
      const why = `'${result.error}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`;
      this.errors.push(field.invalid(here, shown, why));
      this.#left = -1;
      return;
    } else if (result.error.startsWith("no such overload")) {
      const why = `'${result.error}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`;
      this.errors.push(field.invalid(here, shown, why));
    } else this.errors.push(field.invalid(here, shown, `${result.error} evaluating rule: ${text}`));
    if (this.#left >= 0) return;
    const why = "validation failed due to running out of cost budget, no further validation rules will be run";
    this.errors.push(field.invalid(here, shown, why));
  }

  #evaluate(program: CelProgram, variables: Members): ReturnType<CelProgram["evaluate"]> {
    const result = program.evaluate(variables, { costLimit: callLimit });
    this.#left -= result.cost;
    return result;
  }

  #refusal({ rule, message }: CompiledRule, variables: Members, shown: string, at: FieldPath): FieldError {
    const own = message && this.#message(message, variables);
    const text = own ?? (rule.message || `failed rule: ${rule.rule.trim()}`);
    const place = rule.fieldPath ? `${at}${placeText(rule.fieldPath, String(at) === "")}` : String(at) || "<nil>";
    switch (rule.reason) {
      case "FieldValueForbidden":
        return field.forbidden(place, text);
      case "FieldValueRequired":
        return field.required(place, text);
      case "FieldValueDuplicate":
        return field.duplicate(place, shown);
      default:
        return field.invalid(place, shown, text);
    }
  }

  // A message that cannot be made is no reason to say nothing: the fixed one takes its place.
  #message(program: CelProgram, variables: Members): string | undefined {
    const result = this.#evaluate(program, variables);
    if (!result.ok || typeof result.value !== "string") return undefined;
    const text = result.value.trim();
    return text === "" || text.includes("\n") || text.length > longestMessage ? undefined : text;
  }
}

function optionalOld({ type }: CompiledRule, before: Before | undefined): CelOptional {
  const old = before && fromJson(before.value, type);
  return old === undefined || old instanceof CelError ? CelOptional.none : new CelOptional(old);
}

/** `.a.b['c.d']` as messages write a place: `a.b[c.d]`. */
function placeText(fieldPath: string, first: boolean): string {
  const text = fieldPath.replace(/\['((?:[^'\\]|\\.)*)'\]/g, (_, name: string) => `[${name.replace(/\\(.)/g, "$1")}]`);
  return first ? text.replace(/^\./, "") : text;
}
