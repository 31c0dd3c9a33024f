import type { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { WatchEvent } from "../machinery/object.ts";
import type { ByteSource } from "../wire/byte-source.ts";

/** Who is asking. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** One call to the API, the same whether it came over a wire or from within the process. */
export interface ServerRequest {
  readonly method: string;
  /** The path with its query, as `/api/v1/pods?watch=true`. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: RequestBody;
  /** A component in the same process, believed as it is. `system:authenticated` is added by the server. */
  readonly identity?: UserInfo;
  /** What certificate the connection showed; whether it is believed is the server's to find out. */
  readonly certificate?: X509Certificate;
  /** Where the call came from, for audit. */
  readonly address?: string;
  /** Raised when the caller goes away; ends watches and streams. */
  readonly signal: AbortSignal;
}

export type RequestBody =
  | { readonly kind: "none" }
  /** A plain JSON value, handed over as it is: nobody changes it any more. */
  | { readonly kind: "value"; readonly value: unknown }
  /** Bytes of the content type that the headers name. `read` throws Fault `exhausted` above the limit. */
  | {
      readonly kind: "bytes";
      read(limit: number): Promise<Uint8Array>;
      chunks(): AsyncIterable<Uint8Array>;
    };

/** One event of a watch: the very object for callers in the process, its line for the wire. */
export interface EventFrame extends WatchEvent {
  line(): Uint8Array;
}

export type ResponseBody =
  | { readonly kind: "none" }
  /** An API object or any JSON value. It may be shared with the server's cache: never change it. */
  | { readonly kind: "object"; value(): unknown; bytes(): Uint8Array | ByteSource }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** A watch, in bunches of what came at once; ends when the server ends it or the request's signal is raised. */
  | {
      readonly kind: "events";
      readonly events: AsyncIterable<readonly EventFrame[]>;
      /** To be told how long each line was that went over the wire. */
      readonly sent?: (bytes: number) => void;
    }
  | { readonly kind: "stream"; readonly stream: AsyncIterable<Uint8Array> };

export interface ServerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: ResponseBody;
}
