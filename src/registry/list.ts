import { Fault, faultCode } from "../lib/fault.ts";
import { badRequest, StatusError } from "../machinery/status-error.ts";
import type { Entry, KeyRange, Revision, Store } from "../store/store.ts";
import type { Collection } from "./collection.ts";
import { type Continuation, decodeContinue, encodeContinue } from "./continue-token.ts";
import { prepareStored } from "./conversion.ts";
import { decodeStored, type Held } from "./held.ts";
import type { Selection } from "./selection.ts";

/** A list request, its parameters checked for form already. */
export interface ListRequest {
  readonly selection: Selection;
  readonly limit?: number;
  readonly continue?: string;
  /** As the client wrote it: empty or absent, "0", or a revision. */
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
}

/** What a list found, and the moment that it shows. */
export interface ListResult {
  readonly items: readonly Held[];
  readonly revision: Revision;
  readonly continue?: string;
  /** How many follow; only known when nothing but the namespace selects. */
  readonly remaining?: number;
}

/**
 * Lists objects in key order with the semantics of resourceVersion, resourceVersionMatch, limit and continue. Throws
 * BadRequest, Expired when history is gone, Timeout when a revision is not reached.
 */
export async function listObjects(collection: Collection, store: Store, request: ListRequest): Promise<ListResult> {
  const { cache, resource } = collection;
  const { selection, limit = 0, resourceVersion = "" } = request;
  const range = resource.rangeOf(selection.namespace);
  if (request.continue) {
    if (resourceVersion !== "" && resourceVersion !== "0") {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    const from = decodeContinue(request.continue);
    if (from.at === undefined) {
      await cache.current();
      return page(collection, { range, start: range.start + from.start, selection, limit });
    }
    return past(collection, store, { range, selection, limit, at: from.at, from });
  }
  if (resourceVersion === "" || resourceVersion === "0") {
    if (resourceVersion === "") await cache.current();
    else await cache.start();
    return page(collection, { range, start: range.start, selection, limit: resourceVersion === "0" ? 0 : limit });
  }
  const revision = parseRevision(resourceVersion);
  const exact = request.resourceVersionMatch === "Exact" || (!request.resourceVersionMatch && limit > 0);
  await cache.reached(revision);
  if (exact && revision !== cache.revision) return past(collection, store, { range, selection, limit, at: revision });
  return page(collection, { range, start: range.start, selection, limit });
}

/** A resourceVersion as a revision. Throws BadRequest. */
export function parseRevision(text: string): Revision {
  if (!/^\d{1,20}$/.test(text)) {
    throw badRequest(
      `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return BigInt(text);
}

interface Page {
  readonly range: KeyRange;
  readonly start: string;
  readonly selection: Selection;
  readonly limit: number;
}

function page({ cache }: Collection, { range, start, selection, limit }: Page): ListResult {
  const revision = cache.revision;
  const { name, matches, namespace } = selection;
  const items: Held[] = [];
  if (name !== undefined && namespace !== undefined) {
    const held = cache.get(range.start + name);
    if (held && held.key >= start && (!matches || matches(held))) items.push(held);
    return { items, revision };
  }
  const end = range.end;
  for (const held of cache.range({ start, end })) {
    if (matches && !matches(held)) continue;
    if (limit > 0 && items.length === limit) {
      const next = after(range, items.at(-1)!);
      const rest = matches ? {} : { remaining: cache.picture({ start: next.key, end }).count() };
      return { items, revision, continue: encodeContinue({ at: revision, start: next.start }), ...rest };
    }
    items.push(held);
  }
  return { items, revision };
}

interface Past {
  readonly range: KeyRange;
  readonly selection: Selection;
  readonly limit: number;
  readonly at: Revision;
  readonly from?: Continuation;
}

async function past(collection: Collection, store: Store, request: Past): Promise<ListResult> {
  const { range, selection, limit, at, from } = request;
  const { matches } = selection;
  const items: Held[] = [];
  let start = from ? range.start + from.start : range.start;
  try {
    for (;;) {
      const size = limit > 0 ? Math.max(limit + 1, matches ? 500 : 0) : undefined;
      const wanted = { at, ...(size ? { limit: size } : {}), count: !matches };
      const snapshot = await store.read({ start, end: range.end }, wanted);
      await prepareStored(collection.resource, collection.cache.authored, snapshot.entries);
      for (const [index, entry] of snapshot.entries.entries()) {
        const held = heldOf(collection, entry);
        if (matches && !matches(held)) continue;
        if (limit > 0 && items.length === limit) {
          const rest = snapshot.count === undefined ? {} : { remaining: snapshot.count - index };
          const next = after(range, items.at(-1)!).start;
          return { items, revision: at, continue: encodeContinue({ at, start: next }), ...rest };
        }
        items.push(held);
      }
      const last = snapshot.entries.at(-1);
      if (!snapshot.more || !last) return { items, revision: at };
      start = `${last.key}\u0020`; // a space sorts before every letter that a name may go on with
    }
  } catch (error) {
    if (faultCode(error) === "compacted") throw expired(request);
    if (error instanceof Fault && error.code === "invalid") {
      throw new StatusError("Timeout", `Too large resource version: ${at}, current: ${collection.cache.revision}`);
    }
    throw error;
  }
}

function heldOf({ cache, resource }: Collection, { key, modified, value }: Entry): Held {
  const known = cache.get(key);
  if (known?.revision === modified) return known;
  return cache.authored.held(value, modified) ?? decodeStored(resource, key, modified, value);
}

function after(range: KeyRange, last: Held): { readonly key: string; readonly start: string } {
  const key = `${last.key}\u0020`;
  return { key, start: key.slice(range.start.length) };
}

function expired({ from }: Past): StatusError {
  if (!from) return new StatusError("Expired", "The resourceVersion for the provided list is too old.");
  const text =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
  return new ExpiredContinue(text, encodeContinue({ at: undefined, start: from.start }));
}

/** History behind a continue token is gone; carries a token that goes on with what is there now. */
export class ExpiredContinue extends StatusError {
  readonly #token: string;

  constructor(message: string, token: string) {
    super("Expired", message);
    this.#token = token;
  }

  override toStatus(): ReturnType<StatusError["toStatus"]> {
    return { ...super.toStatus(), metadata: { continue: this.#token } };
  }
}
