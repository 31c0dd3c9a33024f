import type { Readable, Writable } from "node:stream";
import type { Trust } from "./endpoint-tls.ts";

/** Names and values in turn: name, value, name, value. */
export type HeaderList = readonly string[];

/** A client's request, the same for HTTP/1.1 and HTTP/2. */
export interface FrontRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  /** As the client wrote it; empty if it did not. */
  readonly authority: string;
  readonly secure: boolean;
  readonly clientAddress: string;
  /** What is meant for the back end: nothing of the connection, no length, no host, and nobody's word on where it came from. */
  readonly headers: HeaderList;
  /** Absent when there is none. */
  readonly body?: RequestBody;
  /** The client says that it understands trailers. */
  readonly trailers: boolean;
}

/** All of a body, or what it comes from bit by bit. */
export type RequestBody =
  | { readonly whole: Buffer; readonly length: string }
  | { readonly stream: Readable; readonly length: string | undefined; readonly whole?: undefined };

export interface Head {
  readonly status: number;
  readonly headers: HeaderList;
  /** Nothing follows. */
  readonly empty: boolean;
  /** Trailers may follow the body. */
  readonly trailers: boolean;
}

/** The way back to the client. */
export interface FrontResponse {
  /** To be called once; when `empty`, the answer is complete with it. */
  head(head: Head): void;
  /** Instead of `head`, when the body is all there and no trailers will come: the answer is complete with it. */
  whole(head: Head, body: Buffer): void;
  readonly sink: Writable;
  /** To be called before the sink ends. */
  trailers(list: HeaderList): void;
  /** Cuts the answer off, so that the client can tell that it is not complete. */
  abort(): void;
  /** Calls back once when the answer is complete (true) or the client has gone before (false). */
  ended(callback: (complete: boolean) => void): void;
}

export type FrontHandler = (request: FrontRequest, response: FrontResponse) => void;

/** Why an endpoint gave no answer. */
export interface UpstreamFailure {
  /** `unsent`: it saw nothing of the request. `unanswered`: it may have. `late`: it took too long. */
  readonly kind: "unsent" | "unanswered" | "late";
  readonly error: Error;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly empty: boolean;
  readonly trailers: boolean;
  /** All of the body, then without trailers; or, to be called once, what it comes from bit by bit. */
  readonly content: Buffer | (() => Readable);
  /** To be asked once the body has ended. */
  trailerList(): HeaderList;
}

/** What is sent to an endpoint. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly secure: boolean;
  /** Whom the endpoint has to be; without it anybody is believed. */
  readonly trust: Trust | undefined;
  readonly headers: HeaderList;
  readonly body?: {
    readonly length: string | undefined;
    readonly whole: Buffer | undefined;
    /** Sends it, whole or bit by bit; not to be called for a second endpoint unless it is whole. */
    readonly sendTo: (sink: Writable) => void;
  };
  readonly trailers: boolean;
}

/** Exactly one of both is called, once. */
export interface UpstreamEvents {
  answered(answer: UpstreamAnswer): void;
  failed(failure: UpstreamFailure): void;
}

/** Connections to endpoints of one protocol. */
export interface UpstreamPool extends Disposable {
  /** Asks one endpoint; gives what ends the asking, after which nothing more is told. */
  ask(
    endpoint: { readonly ip: string; readonly port: number },
    request: UpstreamRequest,
    events: UpstreamEvents,
  ): () => void;
  /** Endpoints that are not among these get no more requests: their connections end with the last one. */
  keep(endpoints: ReadonlySet<string>): void;
}
