import { createServer as createHttp } from "node:http";
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

/**
 * A server for probes and hooks: it writes every request that it gets, and how it answered. `HEALTHY_ANSWERS` says how often
 * `/healthz` is well after a start; without it, always. Port 8080 speaks HTTP, port 5000 the health protocol of gRPC.
 */
const { HEALTHY_ANSWERS: healthyAnswers = "Infinity" } = process.env;
let left = Number(healthyAnswers);

const http = createHttp(({ method, url = "/" }, response) => {
  const code = answerTo(url);
  console.log(`${method} ${url} ${code}`);
  if (code === 302) response.setHeader("location", decodeURIComponent(url.slice("/redirect?to=".length)));
  response.writeHead(code).end();
});

function answerTo(url: string): number {
  if (url.startsWith("/redirect?to=")) return 302;
  if (url !== "/healthz") return 200;
  left -= 1;
  return left >= 0 ? 200 : 500;
}

const grpc = createHttp2();
grpc.on("stream", (stream: ServerHttp2Stream, { ":path": path }: IncomingHttpHeaders) => {
  console.log(`gRPC ${path}`);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  // One message that is not compressed, two bytes long: field 1, SERVING.
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
});

http.listen(8080);
grpc.listen(5000);
process.on("SIGTERM", () => process.exit(0));
