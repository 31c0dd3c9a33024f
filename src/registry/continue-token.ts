import { badRequest, type StatusError } from "../machinery/status-error.ts";
import type { Revision } from "../store/store.ts";

/** Where the next page of a list begins. */
export interface Continuation {
  /** The revision of the first page; undefined for "as it is now", after the first page's moment was forgotten. */
  readonly at: Revision | undefined;
  /** The first key of the page, without the range's own beginning. */
  readonly start: string;
}

const version = "meta.k8s.io/v1";

/** The token with which a client asks for a page. */
export function encodeContinue({ at, start }: Continuation): string {
  const rv = at === undefined ? -1 : Number(at);
  return Buffer.from(JSON.stringify({ v: version, rv, start })).toString("base64url");
}

/** Reads a token. Throws BadRequest with upstream's words when it is none of ours. */
export function decodeContinue(token: string): Continuation {
  const text = Buffer.from(token, "base64url").toString("latin1");
  const value = parse(text);
  if (value.v !== version) {
    throw refused(`server does not recognize this encoded version ${JSON.stringify(value.v ?? "")}`);
  }
  const { rv, start } = value;
  if (typeof rv !== "number" || rv === 0) throw refused(`incorrect encoded start resourceVersion (version ${version})`);
  if (typeof start !== "string" || start === "") throw refused(`encoded start key empty (version ${version})`);
  // A key that climbs out of the range would read other people's objects.
  if (`/${start}`.includes("/../") || start.startsWith("/")) throw refused(`invalid start: ${JSON.stringify(start)}`);
  return { at: rv < 0 ? undefined : BigInt(Math.trunc(rv)), start };
}

function parse(text: string): { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "latin1").toString());
    if (typeof value === "object" && value !== null) return value;
  } catch {
    if (text === "") throw refused("unexpected end of JSON input");
    if (text.startsWith("{")) throw refused("unexpected end of JSON input");
  }
  throw refused(`invalid character '${text.charAt(0)}' looking for beginning of value`);
}

function refused(why: string): StatusError {
  return badRequest(`invalid continue token: continue key is not valid: ${why}`);
}
