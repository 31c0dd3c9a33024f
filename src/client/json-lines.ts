import { lines } from "../lib/lines.ts";

/** Splits a byte stream into lines and parses each as JSON; empty ones are skipped. */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  for await (const line of lines(chunks)) if (line.trim() !== "") yield JSON.parse(line);
}
