import type { Api, Query } from "../resources/api.ts";
import { type AnyObject, itemsOf, pathOf } from "../resources/resource-info.ts";
import type { Text } from "./text.ts";

/** What a describer may ask for. */
export interface DescribeContext {
  readonly api: Api;
  readonly now: number;
  readonly showEvents: boolean;
  readonly chunkSize: number;
}

/** How objects of one kind are described. */
export interface Describer {
  /** The version that the description is made from. */
  readonly version: string;
  /** Whose events stand at the end: the object's, or what `eventsOf` says; false: nobody's. */
  readonly events: false | ((object: AnyObject) => readonly EventSubject[]);
  describe(object: AnyObject, context: DescribeContext): Promise<Text> | Text;
}

/** Whom events are about. What is absent is not asked for. */
export interface EventSubject {
  readonly name: string;
  readonly namespace: string;
  readonly kind?: string;
  readonly uid?: string;
}

/** The object itself. */
export function subjectOf({ kind, metadata }: AnyObject): EventSubject {
  return { name: metadata.name ?? "", namespace: metadata.namespace ?? "", kind, uid: metadata.uid };
}

/** A describer as a value; `T` is the type of its objects. */
export function defineDescriber<T>(
  version: string,
  describe: (object: T, context: DescribeContext) => Promise<Text> | Text,
  events: Describer["events"] = (object) => [subjectOf(object)],
): Describer {
  // The registry gives a describer objects of its own kind and version only.
  return { version, events, describe: (object, context) => describe(withoutNulls(object) as T, context) };
}

/** Members that are null are absent: Go's servers write an empty list in either way. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => (member === null ? [] : [[name, withoutNulls(member)]])),
  );
}

/** Every object of a type in a namespace, fetched in parts. */
export async function listAll<T = AnyObject>(
  { api, chunkSize }: DescribeContext,
  type: { readonly group?: string; readonly version?: string; readonly plural: string },
  namespace: string,
  query: Query = {},
): Promise<readonly T[]> {
  const { group = "", version = "v1", plural } = type;
  const path = pathOf({ group, version, kind: "", plural, namespaced: true }, { namespace });
  const found: AnyObject[] = [];
  let token = "";
  do {
    const limit = chunkSize > 0 ? chunkSize : undefined;
    const page = await api.call<AnyObject>({ path, query: { ...query, limit, continue: token } });
    found.push(...itemsOf(page));
    token = String(page.metadata?.continue ?? "");
  } while (token !== "");
  return found.map(withoutNulls) as readonly T[];
}
