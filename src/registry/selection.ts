import { goQuote } from "../lib/go-text.ts";
import type { FieldSelector } from "../machinery/field-selector.ts";
import type { Selector } from "../machinery/labels.ts";
import { badRequest } from "../machinery/status-error.ts";
import type { Held } from "./held.ts";
import type { AnyObject, Resource } from "./resource.ts";
import type { Scope } from "./subscriptions.ts";

/** Which objects of a resource somebody wants to see. */
export interface Selection {
  readonly namespace?: string;
  /** When only objects of this name can match. */
  readonly name?: string;
  /** Absent when the namespace is all that selects. */
  readonly matches?: (held: Held) => boolean;
  /** Where changes that may concern it are told. */
  readonly scope: Scope;
}

export interface SelectionParts {
  readonly namespace?: string | undefined;
  readonly labels?: Selector | undefined;
  readonly fields?: FieldSelector | undefined;
}

type Test = (held: Held) => boolean;

const nameField = "metadata.name";
const namespaceField = "metadata.namespace";

/** Compiles selectors for a resource. Throws BadRequest for a field that the kind does not offer. */
export function selectionOf(resource: Resource, { namespace, labels, fields }: SelectionParts): Selection {
  const tests: Test[] = [];
  if (labels && !labels.everything) tests.push((held) => labels.matches(held.labels));
  if (!fields || fields.everything) return assemble(tests, namespace);

  const offered = resource.declaration.fields ?? {};
  for (const { field, equal, value } of fields.requirements) {
    const read = fieldReader(offered, field, resource.custom);
    tests.push(equal ? (held) => read(held) === value : (held) => read(held) !== value);
  }
  const name = fields.exact(nameField);
  const space = namespace ?? (resource.namespaced ? fields.exact(namespaceField) : undefined);
  const indexed = fields.requirements.find(({ field, equal }) => equal && Object.hasOwn(offered, field));
  const trigger = indexed && { name: indexed.field, value: indexed.value, of: offered[indexed.field]! };
  return assemble(tests, space || undefined, name, trigger);
}

/** Everything, or everything of one namespace. */
export function everythingIn(namespace: string | undefined): Selection {
  return assemble([], namespace);
}

function assemble(
  tests: readonly Test[],
  namespace: string | undefined,
  name?: string,
  field?: Scope["field"],
): Selection {
  const [first, ...others] = tests;
  const matches = others.length === 0 ? first : (held: Held) => tests.every((test) => test(held));
  const place = { ...(namespace ? { namespace } : {}), ...(name === undefined ? {} : { name }) };
  return { ...place, ...(matches ? { matches } : {}), scope: { ...place, ...(field ? { field } : {}) } };
}

function fieldReader(
  offered: Readonly<Record<string, (object: AnyObject) => string>>,
  field: string,
  custom: boolean,
): (held: Held) => string {
  if (field === nameField) return ({ name }) => name;
  if (field === namespaceField) return ({ namespace }) => namespace;
  const read = Object.hasOwn(offered, field) ? offered[field] : undefined;
  if (read) return ({ object }) => read(object);
  const known = Object.keys(offered);
  // Kinds with fields of their own answer as their conversion functions do upstream.
  throw badRequest(
    known.length > 0 || custom
      ? `field label not supported: ${field}`
      : `${goQuote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}
