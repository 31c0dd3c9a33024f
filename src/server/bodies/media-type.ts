import { StatusError } from "../../machinery/status-error.ts";
import type { ServerRequest } from "../exchange.ts";
import { isTrue } from "../request-info.ts";

export const jsonType = "application/json";
export const yamlType = "application/yaml";
export const protobufType = "application/vnd.kubernetes.protobuf";

export type Encoding = typeof jsonType | typeof yamlType | typeof protobufType;

/** A form other than the object's own that a client may ask for. */
export type Shape = "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";

/** What the answer will look like. */
export interface MediaType {
  readonly encoding: Encoding;
  readonly as?: Shape;
  /** Of the shape: `v1` or `v1beta1`. */
  readonly shapeVersion: string;
  readonly pretty: boolean;
}

export interface Offer {
  readonly encodings: readonly Encoding[];
  readonly shapes: readonly Shape[];
}

interface Clause {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

const aliases: Readonly<Record<string, Encoding>> = {
  "application/json": jsonType,
  "application/yaml": yamlType,
  "text/yaml": yamlType,
  "application/x-yaml": yamlType,
  "application/vnd.kubernetes.protobuf": protobufType,
};

const remembered = new Map<string, readonly Clause[]>();

/** Chooses the best form that is both accepted and offered. Throws NotAcceptable. */
export function negotiate(accept: string | undefined, offer: Offer, pretty: boolean): MediaType {
  if (!accept || accept === "*/*" || accept === jsonType) {
    return { encoding: jsonType, shapeVersion: "v1", pretty };
  }
  for (const { type, parameters } of clausesOf(accept)) {
    const encoding = type === "*/*" || type === "application/*" ? jsonType : aliases[type];
    if (!encoding || !offer.encodings.includes(encoding)) continue;
    const { as, g, v } = parameters;
    if (as === undefined) return { encoding, shapeVersion: "v1", pretty };
    const known = g === "meta.k8s.io" && (v === "v1" || v === "v1beta1");
    if (known && offer.shapes.includes(as as Shape)) return { encoding, as: as as Shape, shapeVersion: v, pretty };
  }
  const text = `only the following media types are accepted: ${offer.encodings.join(", ")}`;
  throw new StatusError("NotAcceptable", text);
}

/** The parts of a request that say in which form it wants its answer. */
export interface Asked {
  readonly headers: ServerRequest["headers"];
  readonly query: URLSearchParams;
}

/** Whether an answer is meant for eyes: as the request says, or as the program that sends it lets suppose. */
export function wantsPretty({ headers, query }: Asked): boolean {
  const asked = query.get("pretty");
  if (asked !== null) return asked === "" || isTrue(asked);
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers["user-agent"] ?? "");
}

/** The bare media type of a Content-Type header. */
export function bareType(header: string | undefined): string {
  const end = header?.indexOf(";") ?? -1;
  return (end < 0 ? (header ?? "") : (header ?? "").slice(0, end)).trim().toLowerCase();
}

/** The encoding behind a Content-Type; an absent one is JSON. Throws UnsupportedMediaType. */
export function bodyEncoding(header: string | undefined, encodings: readonly Encoding[]): Encoding {
  const type = bareType(header);
  const encoding = type === "" ? jsonType : aliases[type];
  if (encoding && encodings.includes(encoding)) return encoding;
  const list = encodings.join(", ");
  const text = `the body of the request was in an unknown format - accepted media types include: ${list}`;
  throw new StatusError("UnsupportedMediaType", text);
}

/** Whether a header accepts a type at all, whatever its parameters. */
export function accepts(header: string | undefined, ...types: readonly string[]): boolean {
  if (!header) return true;
  return clausesOf(header).some(({ type }) => type === "*/*" || type === "application/*" || types.includes(type));
}

/** What a header accepts, best first. */
export function clausesOf(header: string): readonly Clause[] {
  const known = remembered.get(header);
  if (known) return known;
  const clauses = header.split(",").map(parseClause);
  const sorted = clauses.map((clause, index) => ({ clause, index }));
  sorted.sort((a, b) => b.clause.quality - a.clause.quality || a.index - b.index);
  const result = sorted.map(({ clause }) => clause).filter(({ type }) => type !== "");
  if (remembered.size > 1000) remembered.clear();
  remembered.set(header, result);
  return result;
}

function parseClause(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters: Record<string, string> = {};
  let quality = 1;
  for (const part of rest) {
    const [name = "", value = ""] = part.split("=").map((side) => side.trim());
    if (name === "q") quality = Number(value) || 0;
    else if (name !== "" && name !== "__proto__") parameters[name] = value.replace(/^"|"$/g, "");
  }
  return { type: type.toLowerCase(), parameters, quality };
}
