import { createServer } from "node:http";
import { hostname } from "node:os";
import { guestbook } from "./guestbook.ts";
import { redisClient } from "./resp-client.ts";

const { env } = process;
const primary = redisClient({ host: env.REDIS_MASTER_HOST ?? "redis-master", port: 6379 });
const replica = redisClient({ host: env.REDIS_SLAVE_HOST ?? "redis-slave", port: 6379 });
let ready = true;

const server = createServer(
  guestbook({ primary, replica, environment: env, hostname: hostname(), ready: () => ready }),
);
server.listen(Number(env.PORT ?? 3000));

/*
 * Services learn that a pod is leaving at the same moment as the pod itself: for a while they still send requests here. So the
 * door stays open a little longer, and only then closes behind the last request.
 */
function stop(): void {
  if (!ready) return;
  ready = false;
  setTimeout(
    () => {
      server.close(() => process.exit(0));
      server.closeIdleConnections();
    },
    Number(env.DRAIN_MS ?? 2000),
  );
}

process.on("SIGTERM", stop);
process.on("SIGINT", stop);
