import type { Verb } from "../../api/kind.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { encodingsOf } from "../bodies/encodings.ts";
import { bareType, negotiate, type Shape, wantsPretty } from "../bodies/media-type.ts";
import { errorResponse, routeError, textResponse } from "../bodies/status-body.ts";
import type { Call, Services } from "../call.ts";
import type { ServerRequest, ServerResponse, UserInfo } from "../exchange.ts";
import type { ResourceRequest } from "../request-info.ts";
import { hasUnlisted, subresourceHandler } from "../subresources/subresources.ts";
import { virtualHandler } from "../subresources/virtual-kinds.ts";
import { computedAnswer } from "./computed.ts";
import { patchHandler } from "./patch.ts";
import { getHandler, listHandler, watchHandler } from "./read.ts";
import { createHandler, deleteCollectionHandler, deleteHandler, updateHandler } from "./write.ts";

/** Answers one call. Throws StatusError. */
export type Handler = (call: Call) => Promise<ServerResponse>;

const handlers: Readonly<Record<Verb, Handler>> = {
  create: createHandler,
  delete: deleteHandler,
  deletecollection: deleteCollectionHandler,
  get: getHandler,
  list: listHandler,
  patch: patchHandler,
  update: updateHandler,
  watch: watchHandler,
};

/** Whether a verb needs a name in the path, must not have one, or does not care. */
const needsName: Readonly<Record<Verb, boolean | undefined>> = {
  create: false,
  delete: true,
  deletecollection: false,
  get: true,
  list: false,
  patch: true,
  update: true,
  watch: undefined,
};

/** Finds the handler of a request for a resource and runs it. */
export async function dispatch(
  services: Services,
  request: ServerRequest,
  info: ResourceRequest,
  user: UserInfo,
): Promise<ServerResponse> {
  const found = services.registry.find(info.apiVersion, info.resource);
  if (!found) {
    for (const { resource } of services.registry.collections) {
      if (resource.served.has(info.apiVersion)) throw routeError("NotFound");
    }
    return textResponse(404, "404 page not found\n");
  }
  const { served, collection } = found;
  if (info.namespace && !collection.resource.namespaced && info.resource !== "namespaces") throw routeError("NotFound");
  // Over all namespaces there is only looking.
  if (collection.resource.namespaced && !info.namespace) {
    if (info.named) throw routeError("NotFound");
    if (info.verb !== "list" && info.verb !== "watch") throw routeError("MethodNotAllowed");
  }
  const handler = handlerOf(info, served);
  const deprecation = served.mapping ? served.mapping.own?.deprecation : collection.resource.declaration.deprecation;
  const warnings: string[] = deprecation ? [deprecation] : [];
  const call: Call = {
    services,
    request,
    info,
    user,
    served,
    collection,
    media: mediaOf(request, info, handler.shapes, served),
    warnings,
  };
  let response: ServerResponse;
  try {
    const computed = services.computed.get(`${served.group}/${info.resource}`);
    response = await (computed ? computedAnswer(call, computed) : handler.run(call));
  } catch (error) {
    if (warnings.length === 0) throw error;
    response = errorResponse(error, services.log, { headers: request.headers, query: info.query }); // who is refused is warned all the same
  }
  if (warnings.length === 0) return response;
  return { ...response, headers: { ...response.headers, warning: warnings.map(warningHeader) } };
}

interface Chosen {
  readonly run: Handler;
  readonly shapes: readonly Shape[];
}

function handlerOf(info: ResourceRequest, { verbs, apiVersion, subresources }: Call["served"]): Chosen {
  const virtual = virtualHandler(apiVersion, info.resource);
  if (virtual && info.subresource === "") {
    if (info.verb !== "create" || info.named) throw routeError("MethodNotAllowed");
    return { run: virtual, shapes: [] };
  }
  if (info.subresource !== "") {
    const known = subresources.has(info.subresource) || hasUnlisted(apiVersion, info.resource, info.subresource);
    if (!known) throw routeError("NotFound");
    return subresourceHandler(info.subresource, info.verb);
  }
  if (verbs.length === 0) throw routeError("NotFound");
  const verb = info.verb as Verb;
  if (!verbs.includes(verb)) throw routeError("MethodNotAllowed");
  const named = needsName[verb];
  if (named !== undefined && named !== info.named) throw routeError("MethodNotAllowed");
  return { run: handlers[verb], shapes: verb === "list" || verb === "deletecollection" ? listShapes : objectShapes };
}

const listShapes: readonly Shape[] = ["Table", "PartialObjectMetadataList"];
const objectShapes: readonly Shape[] = ["Table", "PartialObjectMetadata"];

function mediaOf(
  request: ServerRequest,
  { query }: ResourceRequest,
  shapes: readonly Shape[],
  served: Call["served"],
): Call["media"] {
  const { accept } = request.headers;
  const encodings = encodingsOf(served);
  try {
    return negotiate(accept, { encodings, shapes }, wantsPretty({ headers: request.headers, query }));
  } catch (error) {
    // Types that no handler writes are refused by the router already, which knows no list of them.
    const known = (accept ?? "")
      .split(",")
      .some((clause) => encodings.includes(bareType(clause) as "application/json"));
    if (error instanceof StatusError && !known) throw routeError("NotAcceptable");
    throw error;
  }
}

// RFC 7234: a code, who warns ("-": nobody to name), and the text in quotes.
function warningHeader(text: string): string {
  return `299 - ${JSON.stringify(text.replace(/[^\u0020-\u007e]/g, "?"))}`;
}
