import type { WatchEvent } from "../machinery/object.ts";

export type { WatchEvent } from "../machinery/object.ts";

/** One API call, before it is known whether it goes over a wire. */
export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query, as `/api/v1/pods?watch=true`. */
  readonly path: string;
  /** Lower-case names. The transport adds who is asking. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A plain JSON value; the transport may hand it over as it is, so it must not change any more. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The answer; exactly one of the three readers may be called, once. */
export interface TransportResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The decoded body. It may be shared with the server's cache: never change it. */
  value(): Promise<unknown>;
  /** The events of a watch, until the server ends it or the request's signal aborts (which ends it without an error). */
  events(): AsyncIterable<WatchEvent>;
  /** The body as it comes, for logs and proxies. */
  bytes(): AsyncIterable<Uint8Array>;
}

/**
 * Carries calls to an API server under one identity. `send` throws Fault `unavailable` when no answer came (the call may
 * have been carried out) and `aborted` when the signal was raised; an answer of any status is a value, not an error.
 */
export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>;
  [Symbol.asyncDispose](): Promise<void>;
}
