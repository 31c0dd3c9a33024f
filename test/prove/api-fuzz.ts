import { parseArgs } from "node:util";
import { errorsOnly, fuzzHttp } from "../api/fuzz/http.ts";
import { fuzz, replay } from "../api/fuzz/run.ts";
import { targets } from "../api/fuzz/targets.ts";
import { startLiveServer } from "../api/tools/live-server.ts";

/**
 * Fuzzes what reads the input of strangers, and a whole server over TLS. What it finds it names with its seed and round.
 *
 *   node test/prove/api-fuzz.ts --seconds 60 --seed 7
 *   node test/prove/api-fuzz.ts --target protobuf --seed 7 --round 1104
 */
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    round: { type: "string" },
  },
});
const seed = Number(values.seed);
const chosen = Object.entries(targets).filter(([name]) => values.target === undefined || values.target === name);
if (values.round !== undefined) {
  for (const [name, target] of chosen) replay(name, target, seed, Number(values.round));
} else {
  const whole = values.target === undefined || values.target === "http";
  const ms = (Number(values.seconds) * 1000) / (chosen.length + (whole ? 4 : 0));
  let rounds = 0;
  for (const [name, target] of chosen) rounds += fuzz(name, target, { seed, ms });
  const requests = whole ? await overHttp(ms * 4) : 0;
  console.log(`api-fuzz: ok, seed ${seed}, ${rounds} rounds, ${requests} requests`);
}

async function overHttp(ms: number): Promise<number> {
  const errors: string[] = [];
  await using server = await startLiveServer({ log: errorsOnly(errors) });
  const { requests, statuses } = await fuzzHttp(server, errors, { seed, ms });
  if (statuses.get(0)) throw new Error(`api-fuzz: ${statuses.get(0)} requests got no answer`);
  return requests;
}
