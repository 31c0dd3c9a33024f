import { X509Certificate } from "node:crypto";
import { type FieldPath, field } from "../../machinery/fields.ts";
import type { Errors } from "../checks.ts";

const mostBytes = 1024 * 1024;

/** The faults of a text that must hold PEM certificates of authorities, each once, and at least one. */
export function validateTrustAnchors(bundle: string, place: FieldPath): Errors {
  if (Buffer.byteLength(bundle) > mostBytes) return [field.tooLong(place, mostBytes)];
  const invalid = (detail: string) => field.invalid(place, "<value omitted>", detail);
  const blocks = pemBlocks(bundle);
  const faults = blocks.flatMap((block, index) => {
    const fault = blockFault(block);
    return fault === undefined ? [] : [invalid(`entry ${index} ${fault}`)];
  });
  if (faults.length > 0) return faults;
  if (blocks.length === 0) return [invalid("at least one trust anchor must be provided")];
  const places = new Map<string, number[]>();
  for (const [index, { bytes }] of blocks.entries()) {
    const text = bytes.toString("base64");
    places.set(text, [...(places.get(text) ?? []), index]);
  }
  return [...places.values()]
    .filter((indices) => indices.length > 1)
    .map((indices) => invalid(`duplicate trust anchor (indices [${indices.join(" ")}])`));
}

export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Buffer;
}

/** What is between begin and end lines; what else the text says is for people. */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [, type = "", body = ""] of text.matchAll(
    /^-----BEGIN ([^\n-]+)-----\r?\n([\s\S]*?)^-----END \1-----/gm,
  )) {
    const lines = body.split("\n").map((line) => line.trim());
    const encoded = lines.filter((line) => !line.includes(":")).join("");
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) continue;
    const hasHeaders = lines.some((line) => line.includes(":"));
    blocks.push({ type, hasHeaders, bytes: Buffer.from(encoded, "base64") });
  }
  return blocks;
}

function blockFault({ type, hasHeaders, bytes }: PemBlock): string | undefined {
  if (type !== "CERTIFICATE") return `has bad block type: ${type}`;
  if (hasHeaders) return "has PEM block headers";
  try {
    return new X509Certificate(bytes).ca ? undefined : "does not have the CA bit set";
  } catch {
    return "does not parse as X.509";
  }
}
