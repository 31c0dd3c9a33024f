import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { jsonType } from "../bodies/media-type.ts";
import { routeError } from "../bodies/status-body.ts";
import type { Call, Services } from "../call.ts";
import { admitConnection } from "./connect-admission.ts";
import { connectToNode } from "./node-proxy.ts";

/** Passes a connection that asked for an upgrade on to where its path leads. Throws StatusError before anything is sent. */
export async function connectCall(
  services: Services,
  { request, info, user }: Pick<Call, "request" | "info" | "user">,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const found = services.registry.find(info.apiVersion, info.resource);
  if (!found?.collection.resource.subresources.has(info.subresource)) throw routeError("NotFound");
  const media = { encoding: jsonType, shapeVersion: "v1", pretty: false } as const;
  const call: Call = { services, request, info, user, ...found, media, warnings: [] };
  await admitConnection(call);
  await connectToNode(call, message, socket, head);
}
