/** Splits a byte stream into lines and parses each as JSON. A line may come in any number of pieces. */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let pending: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      const line = pending.length === 1 ? pending[0]! : Buffer.concat(pending);
      pending = [];
      start = end + 1;
      if (line.length > 0) yield JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString("utf8"));
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  const rest = Buffer.concat(pending).toString("utf8").trim();
  if (rest) yield JSON.parse(rest);
}
