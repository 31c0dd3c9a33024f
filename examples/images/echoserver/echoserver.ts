import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers with the request itself, as plain text under the headings that the echoserver of 2016 used. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const body: Buffer[] = [];
  request.on("data", (chunk: Buffer) => body.push(chunk));
  request.on("end", () => {
    response.writeHead(200, { "content-type": "text/plain" });
    response.end(report(request, Buffer.concat(body).toString("utf8")));
  });
}

function report(request: IncomingMessage, body: string): string {
  const url = request.url ?? "/";
  const query = url.includes("?") ? url.slice(url.indexOf("?") + 1) : "nil";
  const host = request.headers.host?.replace(/:\d+$/, "") ?? "localhost";
  const headers = Object.entries(request.headers)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(", ") : value}`)
    .sort();
  return [
    "CLIENT VALUES:",
    // An IPv4 client of a socket for both families is written as an IPv6 address by the kernel.
    `client_address=${request.socket.remoteAddress?.replace("::ffff:", "") ?? "nil"}`,
    `command=${request.method}`,
    `real path=${url}`,
    `query=${query}`,
    `request_version=${request.httpVersion}`,
    `request_uri=http://${host}:${request.socket.localPort}${url}`,
    "",
    "SERVER VALUES:",
    `server_version=node: ${process.versions.node}`,
    "",
    "HEADERS RECEIVED:",
    ...headers,
    "BODY:",
    body === "" ? "-no body in request-" : body,
  ].join("\n");
}
