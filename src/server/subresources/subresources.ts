import type { Shape } from "../bodies/media-type.ts";
import { routeError } from "../bodies/status-body.ts";
import type { Handler } from "../resources/dispatch.ts";
import { patchHandler } from "../resources/patch.ts";
import { getHandler } from "../resources/read.ts";
import { updateHandler } from "../resources/write.ts";
import { bindingHandler } from "./binding.ts";
import { evictionHandler } from "./eviction.ts";
import { finalizeHandler } from "./finalize.ts";
import { logHandler } from "./log.ts";
import { connectHandler, proxyHandler } from "./node-proxy.ts";
import { rollbackHandler } from "./rollback.ts";
import { scaleHandler } from "./scale.ts";
import { tokenHandler } from "./token.ts";
import { whyHandler } from "./why.ts";

type Handlers = Readonly<Record<string, Handler>>;

/** The object itself, of which the subresource may change a part. */
const part: Handlers = { get: getHandler, update: updateHandler, patch: patchHandler };
const proxy: Handlers = {
  get: proxyHandler,
  create: proxyHandler,
  update: proxyHandler,
  patch: proxyHandler,
  delete: proxyHandler,
  "": proxyHandler,
};

const handlers: Readonly<Record<string, Handlers>> = {
  status: part,
  ephemeralcontainers: part,
  resize: part,
  approval: part,
  scale: { get: scaleHandler, update: scaleHandler, patch: scaleHandler },
  finalize: { update: finalizeHandler },
  binding: { create: bindingHandler },
  eviction: { create: evictionHandler },
  rollback: { create: rollbackHandler },
  token: { create: tokenHandler },
  log: { get: logHandler },
  exec: { get: connectHandler, create: connectHandler },
  attach: { get: connectHandler, create: connectHandler },
  portforward: { get: connectHandler, create: connectHandler },
  proxy,
  why: { get: whyHandler },
};

/** Answers of our own, which discovery does not list: it says what upstream serves. */
const unlisted = new Set(["v1/pods/why"]);

/** Whether a resource has a subresource that its kind does not declare. */
export function hasUnlisted(apiVersion: string, resource: string, subresource: string): boolean {
  return unlisted.has(`${apiVersion}/${resource}/${subresource}`);
}

const shapes: readonly Shape[] = ["Table", "PartialObjectMetadata"];

/** What answers a verb on a subresource that the kind declares. Throws MethodNotAllowed. */
export function subresourceHandler(
  subresource: string,
  verb: string,
): { readonly run: Handler; readonly shapes: readonly Shape[] } {
  const run = handlers[subresource]?.[verb];
  if (!run) throw routeError("MethodNotAllowed");
  return { run, shapes: handlers[subresource] === part ? shapes : [] };
}
