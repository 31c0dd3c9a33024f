import type { FieldSelector } from "../machinery/field-selector.ts";
import { goQuote } from "../machinery/fields.ts";
import type { Selector } from "../machinery/labels.ts";
import { badRequest } from "../machinery/status-error.ts";
import type { AnyObject, Resource } from "./resource.ts";
import type { Scope } from "./subscriptions.ts";

/** Which objects of a resource somebody wants to see. */
export interface Selection {
  readonly namespace?: string;
  /** When only objects of this name can match. */
  readonly name?: string;
  /** Absent when the namespace is all that selects. */
  readonly matches?: (object: AnyObject) => boolean;
  /** Where changes that may concern it are told. */
  readonly scope: Scope;
}

export interface SelectionParts {
  readonly namespace?: string | undefined;
  readonly labels?: Selector | undefined;
  readonly fields?: FieldSelector | undefined;
}

const nameField = "metadata.name";
const namespaceField = "metadata.namespace";

/** Compiles selectors for a resource. Throws BadRequest for a field that the kind does not offer. */
export function selectionOf(resource: Resource, { namespace, labels, fields }: SelectionParts): Selection {
  const tests: ((object: AnyObject) => boolean)[] = [];
  if (labels && !labels.everything) tests.push(({ metadata }) => labels.matches(metadata.labels ?? {}));
  if (!fields || fields.everything) return assemble(tests, namespace);

  const offered = resource.declaration.fields ?? {};
  for (const { field, equal, value } of fields.requirements) {
    const read = fieldReader(offered, field, resource.custom);
    tests.push(equal ? (object) => read(object) === value : (object) => read(object) !== value);
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
  tests: readonly ((object: AnyObject) => boolean)[],
  namespace: string | undefined,
  name?: string,
  field?: Scope["field"],
): Selection {
  const [first, ...others] = tests;
  const matches = others.length === 0 ? first : (object: AnyObject) => tests.every((test) => test(object));
  const place = { ...(namespace ? { namespace } : {}), ...(name === undefined ? {} : { name }) };
  return { ...place, ...(matches ? { matches } : {}), scope: { ...place, ...(field ? { field } : {}) } };
}

function fieldReader(
  offered: Readonly<Record<string, (object: AnyObject) => string>>,
  field: string,
  custom: boolean,
): (object: AnyObject) => string {
  if (field === nameField) return ({ metadata }) => metadata.name;
  if (field === namespaceField) return ({ metadata }) => metadata.namespace ?? "";
  const read = Object.hasOwn(offered, field) ? offered[field] : undefined;
  if (read) return read;
  const known = Object.keys(offered);
  // Kinds with fields of their own answer as their conversion functions do upstream.
  throw badRequest(
    known.length > 0 || custom
      ? `field label not supported: ${field}`
      : `${goQuote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}
