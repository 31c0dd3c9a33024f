import { connect } from "node:net";

/**
 * Asks a proxy so many times over a number of connections, each of which sends its next request when the last is answered. It reads HTTP/1.1
 * by itself, since Node's client costs more than some of what is measured. Tells its parent what it saw, and ends.
 */
const [port = "", requests = ""] = process.argv.slice(2);
const connections = 32;
const request = Buffer.from(
  "GET /some/path?query=1 HTTP/1.1\r\nHost: h7.bench\r\nUser-Agent: bench/1\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n",
);
const began = performance.now();
const latencies: number[] = [];
let failed = 0;
let begun = 0;
let open = connections;

for (let index = 0; index < connections; index++) {
  const socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
  /** Bytes of the answer that are still to come; 0 while its head is awaited. */
  let left = 0;
  let sent = 0;
  const ask = () => {
    if (begun === Number(requests)) return socket.destroy();
    begun += 1;
    sent = performance.now();
    socket.write(request);
  };
  socket.on("connect", ask);
  socket.on("data", (chunk: Buffer) => {
    left = left === 0 ? lengthOf(chunk) - chunk.length : left - chunk.length;
    if (left > 0) return;
    latencies.push(performance.now() - sent);
    ask();
  });
  socket.on("error", () => failed++);
  socket.on("close", () => {
    open -= 1;
    if (open === 0) tell();
  });
}

/** How long a whole answer is, by its head, which a bench's small answers have in one piece. */
function lengthOf(chunk: Buffer): number {
  const head = chunk.toString("latin1", 0, chunk.indexOf("\r\n\r\n"));
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (!head.startsWith("HTTP/1.1 200 ") || length === undefined) failed += 1;
  return head.length + 4 + Number(length ?? 0);
}

function tell(): void {
  const seconds = (performance.now() - began) / 1000;
  latencies.sort((one, other) => one - other);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  const answered = latencies.length;
  process.send?.({ answered, failed, perSecond: answered / seconds, p50: at(0.5), p99: at(0.99) }, () =>
    process.exit(0),
  );
}
