import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { EventFrame, ServerResponse } from "../exchange.ts";
import { requestInfo } from "../request-info.ts";

/**
 * An aggregated server's answer as callers in this process expect it, who work with values: an object, or the events of
 * a watch.
 */
export async function forProcess(answer: ServerResponse, path: string): Promise<ServerResponse> {
  const { status, headers, body } = answer;
  const isJson = String(headers["content-type"] ?? "").startsWith("application/json");
  if (body.kind !== "stream" || !isJson) return answer;
  const info = requestInfo("GET", path);
  if (info.isResource && info.verb === "watch" && status === 200) {
    return { status, headers, body: { kind: "events", events: events(body.stream) } };
  }
  const parts: Uint8Array[] = [];
  for await (const part of body.stream) parts.push(part);
  const bytes = Buffer.concat(parts);
  return { status, headers, body: { kind: "object", value: () => JSON.parse(bytes.toString()), bytes: () => bytes } };
}

async function* events(stream: AsyncIterable<Uint8Array>): AsyncGenerator<readonly EventFrame[]> {
  const lines = createInterface({ input: Readable.from(stream), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    if (line !== "") yield [{ ...JSON.parse(line), line: () => Buffer.from(`${line}\n`) } as EventFrame];
  }
}
