import type { ClientRequest, IncomingMessage } from "node:http";
import type { ServerResponse } from "../exchange.ts";

/** Headers that belong to one connection and are not passed on. */
const hopHeaders = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Sends a request, with a body if there is one, and gives the answer as it comes. Throws what the connection throws. */
export async function httpExchange(
  request: ClientRequest,
  body: AsyncIterable<Uint8Array> | undefined,
): Promise<ServerResponse> {
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
  // The other side may answer before it has read all; what breaks after that shows in the answer's body.
  if (body) pour(body, request).catch((error: Error) => request.destroy(error));
  else request.end();
  const response = await answered;
  request.on("error", () => {});
  return {
    status: response.statusCode ?? 502,
    headers: passable(response.headers),
    body: { kind: "stream", stream: response as AsyncIterable<Uint8Array> },
  };
}

/** Without the headers that belong to one connection. */
export function passable(headers: IncomingMessage["headers"]): Record<string, string | readonly string[]> {
  const kept: Record<string, string | readonly string[]> = {};
  const named = new Set(
    String(headers.connection ?? "")
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopHeaders.has(name) && !named.has(name) && !name.startsWith(":")) kept[name] = value;
  }
  return kept;
}

async function pour(body: AsyncIterable<Uint8Array>, request: ClientRequest): Promise<void> {
  for await (const chunk of body) {
    if (!request.write(chunk)) await new Promise((resolve) => request.once("drain", resolve));
  }
  request.end();
}
