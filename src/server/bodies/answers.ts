import type { ListMeta } from "../../machinery/object.ts";
import type { Held } from "../../registry/held.ts";
import { toServed } from "../../registry/held.ts";
import type { ListResult } from "../../registry/list.ts";
import type { AnyObject, Served } from "../../registry/resource.ts";
import type { WatchFrame } from "../../registry/watch.ts";
import { plainFrame } from "../../registry/watch.ts";
import type { ResponseBody, ServerResponse } from "../exchange.ts";
import { encodeListProtobuf, encodeOther } from "./encodings.ts";
import { listBytes } from "./list-bytes.ts";
import { jsonType, type MediaType, protobufType } from "./media-type.ts";
import { includeObject, partialOf, tableOf } from "./tables.ts";

/** What the form of an answer depends on. */
export interface AnswerContext {
  readonly served: Served;
  readonly media: MediaType;
  readonly query: URLSearchParams;
  readonly now: () => number;
}

/** One object, as it is held or as it would be. */
export function objectAnswer(
  context: AnswerContext,
  status: number,
  result: { readonly held?: Held; readonly object: AnyObject },
): ServerResponse {
  const { served, media } = context;
  const { held } = result;
  if (media.as === undefined && held && media.encoding === jsonType && !media.pretty) {
    const body: ResponseBody = { kind: "object", value: () => held.as(served), bytes: () => held.json(served) };
    return { status, headers: jsonHeaders, body };
  }
  const { object } = result;
  const own = held ? held.as(served) : toServed(object, served);
  if (media.as === undefined) return valueAnswer(media, status, own, served);
  if (media.as !== "Table") return valueAnswer(media, status, partialOf(own, media.shapeVersion));
  const table = tableOf(served, [{ stored: object, object: own }], {
    version: media.shapeVersion,
    include: includeObject(context.query.get("includeObject")),
    now: context.now(),
    columns: true,
    metadata: { resourceVersion: own.metadata.resourceVersion },
  });
  return valueAnswer(media, status, table);
}

/** Any other value, as a Status or a review. */
export function valueAnswer(media: MediaType, status: number, value: unknown, served?: Served): ServerResponse {
  const headers = media.encoding === jsonType ? jsonHeaders : { "content-type": media.encoding };
  const bytes = () => {
    if (media.encoding !== jsonType) return encodeOther(media.encoding, value, served);
    return Buffer.from(media.pretty ? `${JSON.stringify(value, null, 2)}\n` : JSON.stringify(value));
  };
  return { status, headers, body: { kind: "object", value: () => value, bytes } };
}

const jsonHeaders = { "content-type": jsonType };

/** A list in the form that the client asked for. */
export function listAnswer(context: AnswerContext, result: ListResult): ServerResponse {
  const { served, media } = context;
  const metadata: ListMeta = {
    resourceVersion: String(result.revision),
    ...(result.continue ? { continue: result.continue } : {}),
    ...(result.remaining ? { remainingItemCount: result.remaining } : {}),
  };
  if (media.as === "Table") {
    const rows = result.items.map((held) => ({ stored: held.object, object: held.as(served) }));
    const table = tableOf(served, rows, {
      version: media.shapeVersion,
      include: includeObject(context.query.get("includeObject")),
      now: context.now(),
      columns: true,
      metadata,
    });
    return valueAnswer(media, 200, table);
  }
  if (media.as) {
    const { remainingItemCount: _count, ...short } = metadata;
    return valueAnswer(media, 200, {
      kind: "PartialObjectMetadataList",
      apiVersion: `meta.k8s.io/${media.shapeVersion}`,
      metadata: short,
      items: result.items.map((held) => partialOf(held.as(served), media.shapeVersion)),
    });
  }
  const { custom } = served.resource;
  // Lists without a type of their own say even that nothing follows.
  const head = {
    kind: served.listKind,
    apiVersion: served.apiVersion,
    metadata: custom ? { continue: "", ...metadata } : metadata,
  };
  const value = () => ({ ...head, items: result.items.map((held) => held.as(served)) });
  if (media.encoding === protobufType) {
    const bytes = () => encodeListProtobuf(metadata, result.items, served);
    return { status: 200, headers: { "content-type": protobufType }, body: { kind: "object", value, bytes } };
  }
  if (media.encoding !== jsonType || media.pretty) {
    const items = result.items.map((held) => {
      if (custom) return held.as(served);
      const { kind: _kind, apiVersion: _version, ...rest } = held.as(served);
      return rest;
    });
    return valueAnswer(media, 200, { ...head, items }, served);
  }
  return {
    status: 200,
    headers: jsonHeaders,
    body: { kind: "object", value, bytes: () => listBytes(head, result.items, served) },
  };
}

/** The events of a watch in the form that the client asked for. */
export function eventsAs(
  context: AnswerContext,
  bunches: AsyncIterable<readonly WatchFrame[]>,
): AsyncIterable<readonly WatchFrame[]> {
  return context.media.as === undefined ? bunches : reshaped(context, bunches);
}

async function* reshaped(
  context: AnswerContext,
  bunches: AsyncIterable<readonly WatchFrame[]>,
): AsyncGenerator<readonly WatchFrame[]> {
  const { media, served } = context;
  const include = includeObject(context.query.get("includeObject"));
  let first = true;
  for await (const bunch of bunches) {
    yield bunch.map((frame) => {
      if (frame.type === "ERROR") return frame;
      const object = frame.object as AnyObject;
      if (media.as !== "Table") return plainFrame(frame.type, partialOf(object, media.shapeVersion));
      const columns = first;
      first = false;
      const { resourceVersion } = object.metadata;
      const rows = frame.type === "BOOKMARK" ? [] : [{ stored: stored(object, served), object }];
      const options = {
        version: media.shapeVersion,
        include,
        now: context.now(),
        columns,
        metadata: { resourceVersion },
      };
      return plainFrame(frame.type, tableOf(served, rows, options));
    });
  }
}

const stored = (object: AnyObject, { mapping }: Served) => (mapping ? (mapping.toStored(object) as AnyObject) : object);
