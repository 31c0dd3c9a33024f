import type { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { PeerCertificate } from "node:tls";
import type { ByteSource } from "./byte-source.ts";

/** Who is at the other end of a connection. */
export interface HttpPeer {
  readonly address: string;
  /** The client's certificate, only when it was signed by the server's client authority. */
  readonly certificate?: PeerCertificate;
  /** Whatever certificate the client showed, believed or not, with those that it sent along as its issuers. */
  readonly shown?: X509Certificate;
}

/** One request, the same for HTTP/1.1 and HTTP/2. */
export interface HttpRequest {
  readonly method: string;
  /** The path with its query, as it came. */
  readonly target: string;
  /** Names in lower case; no pseudo headers. */
  readonly headers: IncomingHttpHeaders;
  readonly peer: HttpPeer;
  /** Raised when the client goes away before the answer is complete. */
  readonly signal: AbortSignal;
  /** The whole body. Throws Fault `exhausted` when it is longer than `limit`, `aborted` when the client left. */
  body(limit: number): Promise<Uint8Array>;
  /** The body as it comes; instead of `body`. */
  chunks(): AsyncIterable<Uint8Array>;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Absent is empty. A source or an iterable is written as it comes, as fast as the client reads. */
  readonly body?: Uint8Array | string | ByteSource | AsyncIterable<Uint8Array>;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
