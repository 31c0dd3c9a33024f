import { readFileSync } from "node:fs";
import { join } from "node:path";
import { serveGreetings } from "../../../examples/aggregated-api/server.ts";
import { createAuthority, openAuthority } from "../../../src/cluster/certificates.ts";
import { ensureCredentials } from "../../../src/cluster/credentials.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/random.ts";
import type { LiveServer } from "./live-server.ts";

const tools = { clock: systemClock, random: systemRandom };

/** The aggregated API of the examples, running on a loopback port, and the manifest that makes a cluster know it. */
export interface Greetings extends Disposable {
  readonly manifest: string;
  readonly port: number;
}

/** Starts the sample as its page says, with `name` in its certificate. */
export async function startGreetings(server: LiveServer, name = "greetings.default.svc"): Promise<Greetings> {
  const pair = await createAuthority("greetings-ca", tools);
  const { cert, key } = await openAuthority(pair, tools).issue({ commonName: name, usage: "server", names: [name] });
  const { frontProxyCa } = await ensureCredentials(server.config, tools);
  const running = await serveGreetings({ port: 0, host: "127.0.0.1", cert, key, proxyCa: frontProxyCa });
  const file = join(import.meta.dirname, "../../../examples/aggregated-api/apiservice.yaml");
  const manifest = readFileSync(file, "utf8")
    .replace("CA_BUNDLE", Buffer.from(pair.cert).toString("base64"))
    .replace("port: 8443", `port: ${running.port}`);
  return { manifest, port: running.port, [Symbol.dispose]: () => running.close() };
}
