import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { planCluster } from "../../src/cluster/config.ts";
import { ensureCredentials } from "../../src/cluster/credentials.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { stories } from "./corpus/all.ts";
import { type QuietServer, startQuietServer } from "./tools/quiet-server.ts";
import { type Program, programs, tell } from "./tools/tell.ts";

/** An unmodified kubectl and ours, each with a server of its own that began alike, tell the same, character by character. */
const folder = mkdtempSync(join(tmpdir(), "navarch-kubectl-"));
const sides = new Map<Program, QuietServer>();

beforeAll(async () => {
  const config = planCluster(
    { name: "corpus", dataDir: join(folder, "data"), apiPort: 6443, runtime: "simulated", nodeName: "nowhere" },
    { NAVARCH_DATA: join(folder, "clusters") },
  );
  mkdirSync(config.dataDir, { recursive: true });
  const credentials = await ensureCredentials(config, { clock: systemClock, random: systemRandom });
  for (const name of programs) {
    sides.set(name, await startQuietServer({ name, folder, credentials }));
  }
});

afterAll(async () => {
  for (const server of sides.values()) await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

tell(stories, folder, (program) => {
  const side = sides.get(program);
  if (!side) throw new Error("the server did not start");
  return side;
});
