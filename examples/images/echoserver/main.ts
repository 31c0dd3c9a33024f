import { createServer } from "node:http";
import { echo } from "./echoserver.ts";

const server = createServer(echo).listen(Number(process.env.PORT ?? 8080));

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
