import { httpTransport } from "../../../src/client/http-transport.ts";
import type { Transport } from "../../../src/client/transport.ts";
import type { ClusterConfig } from "../../../src/cluster/config.ts";
import { ensureCredentials } from "../../../src/cluster/credentials.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/random.ts";

/** The way to a running cluster of this machine, as its administrator. */
export async function adminTransport(config: ClusterConfig): Promise<Transport> {
  const { ca, admin } = await ensureCredentials(config, { clock: systemClock, random: systemRandom });
  const { cert, key } = admin;
  return httpTransport({ server: `https://127.0.0.1:${config.apiPort}`, ca, cert, key });
}
