import { join } from "node:path";
import { createClient } from "../../../src/client/api-client.ts";
import type { Credentials } from "../../../src/cluster/credentials.ts";
import { inProcessTransport } from "../../../src/cluster/in-process-transport.ts";
import { resourceMetricsKinds } from "../../../src/cluster/resource-metrics.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { Metrics } from "../../../src/lib/metrics.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { openServer } from "../../../src/server/api-server.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import { freePort } from "../../api/tools/live-server.ts";
import { figuresOfStories } from "./figures.ts";
import { kubeconfigIn } from "./kubeconfig.ts";
import type { Side } from "./tell.ts";

/** An API server over TLS on which nothing happens by itself: no controllers, no scheduler, no nodes, figures that stay. */
export interface QuietServer extends Side, AsyncDisposable {}

/** Starts one; its kubeconfigs go into `folder`, their names begin with `name`. */
export async function startQuietServer(options: {
  readonly name: string;
  readonly folder: string;
  readonly credentials: Credentials;
}): Promise<QuietServer> {
  const { name, folder, credentials } = options;
  await using opened = new AsyncDisposableStack();
  const clock = systemClock;
  const store = opened.use(openMemoryStore({ clock }));
  const server = opened.use(
    await openServer({
      store,
      clock,
      random: seededRandom(7),
      log: silentLog,
      metrics: new Metrics(),
      clientCa: credentials.ca,
      computed: resourceMetricsKinds(figuresOfStories()),
      serviceAccounts: {
        issuer: "https://kubernetes.default.svc.cluster.local",
        privateKey: credentials.serviceAccountKey,
      },
    }),
  );
  const port = await freePort();
  const { key, cert } = credentials.apiServer;
  opened.use(await server.listen({ host: "127.0.0.1", port, tls: { key, cert, clientCa: credentials.ca } }));
  const url = `https://127.0.0.1:${port}`;
  const running = opened.move();
  return {
    url,
    client: createClient(inProcessTransport(server, { name: "admin", groups: ["system:masters"] })),
    kubeconfig: (namespace) =>
      kubeconfigIn(join(folder, `${name}-${namespace}.kubeconfig`), {
        server: url,
        ca: credentials.ca,
        client: credentials.admin,
        namespace,
      }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
