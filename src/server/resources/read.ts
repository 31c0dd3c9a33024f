import { ready } from "../../registry/conversion.ts";
import { encodeStored, type Held, hold } from "../../registry/held.ts";
import { listObjects, parseRevision } from "../../registry/list.ts";
import type { AnyObject, Served } from "../../registry/resource.ts";
import { type WatchFrame, watchObjects } from "../../registry/watch.ts";
import { written } from "../../registry/write.ts";
import { type AnswerContext, eventsAs, listAnswer, objectAnswer } from "../bodies/answers.ts";
import { encodeEvent } from "../bodies/encodings.ts";
import { jsonType } from "../bodies/media-type.ts";
import type { Call } from "../call.ts";
import type { EventFrame, ServerResponse } from "../exchange.ts";
import { isTrue } from "../request-info.ts";
import { booleanIn, checkListParameters, integerIn, selectionIn } from "./options.ts";

/** What the form of a call's answer depends on. */
export function answerContext({ served, media, info, services }: Call): AnswerContext {
  return { served, media, query: info.query, now: () => services.clock.now() };
}

/** GET of one object. */
export async function getHandler(call: Call): Promise<ServerResponse> {
  const { collection, info } = call;
  const { namespace, name } = place(call);
  const revision = info.query.get("resourceVersion") ?? "";
  if (revision === "") await collection.cache.current();
  else if (revision === "0") await collection.cache.start();
  else await collection.cache.reached(parseRevision(revision));
  return objectReply(call, 200, written(collection.known(namespace, name)));
}

/** The answer that shows one object, once it can be read in the version of the call. */
export async function objectReply(
  call: Call,
  status: number,
  shown: { readonly held?: Held; readonly object: AnyObject },
): Promise<ServerResponse> {
  const { served } = call;
  if (shown.held) {
    if (!shown.held.isReady(served)) await ready([shown.held], served);
  } else if (served.mapping?.convert)
    return objectAnswer(answerContext(call), status, await unwritten(shown.object, served));
  return objectAnswer(answerContext(call), status, shown);
}

// What a dry run would have written is held by nobody.
async function unwritten(
  object: AnyObject,
  served: Served,
): Promise<{ readonly held: Held; readonly object: AnyObject }> {
  const { tail } = encodeStored(served.resource, object);
  const held = hold(served.resource, served.resource.keyOf(object), 0n, object, tail);
  await ready([held], served);
  return { held, object };
}

/** Where the object of a call lives. */
export function place({ info, collection }: Call): { readonly namespace: string | undefined; readonly name: string } {
  return { namespace: collection.resource.namespaced ? info.namespace : undefined, name: info.name };
}

/** GET of a collection. */
export async function listHandler(call: Call): Promise<ServerResponse> {
  const { collection, info, services } = call;
  const { query } = info;
  const limit = integerIn(query, "limit") ?? 0;
  integerIn(query, "timeoutSeconds"); // of no consequence here, but it must be a number
  checkListParameters(query, false);
  const match = query.get("resourceVersionMatch");
  const result = await listObjects(collection, services.registry.store, {
    selection: selectionIn(call),
    limit,
    resourceVersion: query.get("resourceVersion") ?? "",
    ...(query.get("continue") ? { continue: query.get("continue") ?? "" } : {}),
    ...(match ? { resourceVersionMatch: match as "Exact" } : {}),
  });
  await ready(result.items, call.served);
  return listAnswer(answerContext(call), result);
}

/** Watches that do not say how long they last end after half an hour to an hour, spread so that not all come back at once. */
const defaultWatchSeconds = 1800;

/** GET with `watch`. */
export async function watchHandler(call: Call): Promise<ServerResponse> {
  const { collection, info, services, served, request } = call;
  const { query } = info;
  checkListParameters(query, true);
  const asked = integerIn(query, "timeoutSeconds") ?? 0;
  const seconds = asked > 0 ? asked : defaultWatchSeconds * (1 + services.registry.random.next());
  const sendInitialEvents = booleanIn(query, "sendInitialEvents");
  const feed = await watchObjects(collection, services.clock, {
    selection: selectionIn(call),
    served,
    resourceVersion: query.get("resourceVersion") ?? "",
    ...(sendInitialEvents === undefined ? {} : { sendInitialEvents }),
    bookmarks: isTrue(query.get("allowWatchBookmarks")),
    timeoutMs: seconds * 1000,
    signal: request.signal,
  });
  const { media } = call;
  const events = eventsAs(answerContext(call), feed);
  const type = media.encoding === jsonType ? jsonType : `${media.encoding};stream=watch`;
  return {
    status: 200,
    headers: { "content-type": type },
    body: { kind: "events", events: media.encoding === jsonType ? events : encoded(events, call) },
  };
}

async function* encoded(
  bunches: AsyncIterable<readonly WatchFrame[]>,
  { media, served }: Call,
): AsyncGenerator<readonly EventFrame[]> {
  for await (const bunch of bunches) {
    yield bunch.map((frame) => ({
      type: frame.type,
      object: frame.object,
      line: () => encodeEvent(media.encoding, frame, served),
    }));
  }
}
