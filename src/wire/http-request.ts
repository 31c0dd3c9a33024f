import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { Fault } from "../lib/fault.ts";
import type { HttpPeer, HttpRequest } from "./http-message.ts";

/** Wraps an HTTP/1.1 request. */
export function h1Request(message: IncomingMessage, response: ServerResponse, peer: HttpPeer): HttpRequest {
  const signal = lazySignal((abort) => response.on("close", () => !response.writableFinished && abort()));
  return {
    method: message.method ?? "GET",
    target: message.url ?? "/",
    headers: message.headers,
    peer,
    get signal() {
      return signal();
    },
    body: (limit) => readAll(message, limit),
    chunks: () => message,
  };
}

const empty = new Uint8Array(0);

// Most requests never look at their signal, and making one costs more than answering a small read.
function lazySignal(watch: (abort: () => void) => void): () => AbortSignal {
  let controller: AbortController | undefined;
  return () => {
    if (!controller) {
      const made = new AbortController();
      controller = made;
      watch(() => made.abort(clientGone()));
    }
    return controller.signal;
  };
}

const clientGone = () => new Fault("aborted", "the client went away");

function readAll(source: Readable, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (source.destroyed) return reject(clientGone());
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;
    source.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        source.removeAllListeners("data");
        source.resume(); // drained, so that the client gets to read the refusal
        return reject(new Fault("exhausted", `the request body is longer than ${limit} bytes`));
      }
      if (!first) first = chunk;
      else {
        rest ??= [first];
        rest.push(chunk);
      }
    });
    let ended = false;
    source.on("end", () => {
      ended = true;
      resolve(rest ? Buffer.concat(rest, size) : (first ?? empty));
    });
    // Every request closes in the end: an error is only made for those that did not come to it.
    const gone = () => {
      if (!ended) reject(clientGone());
    };
    source.on("aborted", gone);
    source.on("error", gone);
    source.on("close", gone);
  });
}
