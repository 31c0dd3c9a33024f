import { parseArgs } from "node:util";
import { type Result, runSuite, type Suite } from "./test/suite.ts";

/** The proofs in their long form: hundreds of kills and seeds, and half an hour of pods. `npm test` runs a short form of each. */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seeds: { type: "string", default: "300" },
    cycles: { type: "string", default: "200" },
    minutes: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
  },
});
const proofs: readonly Suite[] = [
  { name: "store-crash", command: ["node", "test/prove/store-crash.ts", "--kills", values.kills] },
  { name: "store-history", command: ["node", "test/prove/store-history.ts", "--seeds", values.seeds] },
  { name: "api-crash", command: ["node", "test/prove/api-crash.ts", "--kills", values.kills] },
  {
    name: "api-history",
    command: ["node", "test/prove/api-history.ts", "--seeds", "10", "--drivers", "memory,lmdb,etcd"],
  },
  {
    name: "controllers under faults",
    command: ["env", "FAULT_SEEDS=500", "node", "node_modules/vitest/vitest.mjs", "run", "src/testing/faults"],
  },
  {
    name: "days in virtual time",
    command: ["env", "DAY_SEEDS=20", "node", "node_modules/vitest/vitest.mjs", "run", "test/scenarios/day.test.ts"],
  },
  { name: "node-leak", command: ["node", "test/prove/node-leak.ts", "--cycles", values.cycles] },
  {
    name: "node-soak",
    command: ["node", "test/prove/node-soak.ts", "--minutes", values.minutes, "--seed", values.seed],
  },
  { name: "api-fuzz", command: ["node", "test/prove/api-fuzz.ts", "--seconds", "300"] },
];

const results: Result[] = [];
for (const proof of proofs) {
  console.log(`\n=== ${proof.name}`);
  results.push(await runSuite(proof));
}
const failed = results.filter((result) => result.failed > 0);
for (const { name, seconds } of results) console.log(`${name.padEnd(26)} ${seconds.toFixed(0).padStart(6)} s`);
console.log(`\n${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
