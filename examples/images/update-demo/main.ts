import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";

const picture = readFileSync(new URL("picture.svg", import.meta.url));
const name = process.env.PICTURE ?? "unknown";

const server = createServer((request, response) => {
  // The page that watches an update is served from elsewhere and reads data.json of every pod.
  const headers = { "access-control-allow-origin": "*", "cache-control": "no-store" };
  const path = request.url?.split("?")[0];
  if (path === "/data.json") {
    response.writeHead(200, { ...headers, "content-type": "application/json" });
    response.end(`${JSON.stringify({ image: `${name}.svg` })}\n`);
  } else if (path === `/${name}.svg`) {
    response.writeHead(200, { ...headers, "content-type": "image/svg+xml" });
    response.end(picture);
  } else if (path === "/") {
    response.writeHead(200, { ...headers, "content-type": "text/html; charset=utf-8" });
    response.end(
      `<!doctype html><title>${name}</title><h1>${name}</h1><p>${hostname()}</p><img src="${name}.svg" alt="a ${name}">\n`,
    );
  } else {
    response.writeHead(404, headers);
    response.end("not found\n");
  }
}).listen(Number(process.env.PORT ?? 80));

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
