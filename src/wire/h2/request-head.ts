import type { IncomingHttpHeaders } from "node:http";
import type { HeaderField, HeaderSink } from "./hpack-decoder.ts";
import { fieldOverhead } from "./hpack-decoder.ts";
import { connectionHeaders } from "./hpack-encoder.ts";

/** A request's pseudo headers and headers, gathered field by field and judged at the end. */
export class RequestHead implements HeaderSink {
  method = "";
  target = "";
  readonly headers: IncomingHttpHeaders = new Headers();
  /** What `content-length` says; -1 when it does not. */
  length = -1;
  /** What makes this no request that HTTP/2 knows (RFC 9113, 8.1.1); empty when nothing does. */
  flaw = "";
  tooLarge = false;
  /** Bytes of what is kept, counted as RFC 9113 (6.5.2) does. */
  size = 0;
  readonly #most: number;
  #scheme = "";
  #authority = "";
  #regular = false;

  /** Headers beyond so many bytes are dropped and only told by `tooLarge`. */
  constructor(most: number) {
    this.#most = most;
  }

  field({ name, value, valid }: HeaderField): void {
    const size = name.length + value.length + fieldOverhead;
    if (this.tooLarge || this.size + size > this.#most) {
      this.tooLarge = true;
      return;
    }
    this.size += size;
    if (!valid) this.flaw ||= "a header with characters that none has";
    else if (name.charCodeAt(0) === colon) this.#pseudo(name, value);
    else this.#header(name, value);
  }

  /** Says that there is no more. */
  end(): void {
    if (this.tooLarge || this.flaw !== "") return;
    if (this.method === "") this.flaw = "a request without a method";
    else if (this.method === "CONNECT") {
      if (this.#scheme !== "" || this.target !== "") this.flaw = "a CONNECT with a path or scheme";
      else if (this.#authority === "") this.flaw = "a CONNECT without an authority";
      this.target = "/";
    } else if (this.target === "" || this.#scheme === "") this.flaw = "a request without a path or scheme";
    if (this.#authority !== "") this.headers.host ??= this.#authority;
  }

  #pseudo(name: string, value: string): void {
    if (this.#regular) this.flaw ||= `${name} after other headers`;
    switch (name) {
      case ":method":
        this.method = this.#once(name, this.method, value);
        return;
      case ":path":
        this.target = this.#once(name, this.target, value);
        return;
      case ":scheme":
        this.#scheme = this.#once(name, this.#scheme, value);
        return;
      case ":authority":
        this.#authority = this.#once(name, this.#authority, value);
        return;
      default:
        this.flaw ||= `${name} in a request`;
    }
  }

  #once(name: string, before: string, value: string): string {
    if (before !== "") this.flaw ||= `${name} twice`;
    return value;
  }

  #header(name: string, value: string): void {
    this.#regular = true;
    const { headers } = this;
    const before = headers[name];
    if (before === undefined) {
      headers[name] = name === "set-cookie" ? [value] : value;
      if (name === "content-length") this.#measure(value);
      else if (connectionHeaders.has(name)) this.flaw ||= `${name} in HTTP/2`;
      else if (name === "te" && value !== "trailers") this.flaw ||= "te other than trailers";
    } else if (name === "content-length") {
      if (before !== value) this.flaw ||= "two lengths";
    } else if (typeof before !== "string") before.push(value);
    else if (!single.has(name)) headers[name] = `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }

  #measure(value: string): void {
    if (/^[0-9]{1,15}$/.test(value)) this.length = Number(value);
    else this.flaw ||= "a length that is no number";
  }
}

const colon = 58;

// Like `{ __proto__: null }`, so that no header is mistaken for something inherited, but with hidden classes: requests of
// one client have the same headers in the same order.
const Headers = function headers() {} as unknown as new () => IncomingHttpHeaders;
Headers.prototype = Object.freeze(Object.create(null));

/** Of these the first counts, as in `node:http`. */
const single = new Set([
  "age",
  "authorization",
  "content-type",
  "etag",
  "expires",
  "from",
  "host",
  "if-modified-since",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "referer",
  "retry-after",
  "server",
  "user-agent",
]);
