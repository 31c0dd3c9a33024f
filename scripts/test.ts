import { parseArgs } from "node:util";
import { prepareMachine } from "./test/machine.ts";
import { type Result, runSuite, type Suite } from "./test/suite.ts";

/**
 * Everything that shows that this works, one suite after the other: `npm test`. The last line says how many tests have
 * passed and failed in all.
 *
 *   node scripts/test.ts [--only unit,e2e] [--list]
 */
const suites: readonly Suite[] = [
  { name: "types", command: ["tsc", "--noEmit"] },
  { name: "lint", command: ["biome", "check", "--error-on-warnings", "."] },
  { name: "unit", config: "vitest.config.ts" },
  { name: "machine", config: "vitest.machine.config.ts", needsMachine: true },
  { name: "crash proof", command: ["node", "test/prove/store-crash.ts", "--kills", "10"] },
  { name: "history proof", command: ["node", "test/prove/store-history.ts", "--seeds", "10"] },
  { name: "API crash proof", command: ["node", "test/prove/api-crash.ts", "--kills", "10"] },
  { name: "leak proof", command: ["node", "test/prove/node-leak.ts", "--cycles", "10"], needsMachine: true },
  { name: "node soak", command: ["node", "test/prove/node-soak.ts", "--minutes", "1"], needsMachine: true },
  { name: "e2e", config: "vitest.e2e.config.ts", needsMachine: true },
];

const { values } = parseArgs({ options: { only: { type: "string" }, list: { type: "boolean" } } });
const only = values.only?.split(",");
const chosen = suites.filter(({ name }) => !only || only.includes(name));
if (values.list || chosen.length === 0) {
  console.log(`suites: ${suites.map(({ name }) => name).join(", ")}`);
  process.exit(values.list ? 0 : 1);
}

if (chosen.some(({ needsMachine }) => needsMachine)) prepareMachine();
const results: Result[] = [];
for (const suite of chosen) {
  console.log(`\n=== ${suite.name}`);
  results.push(await runSuite(suite));
}

console.log("");
for (const { name, passed, failed, skipped, seconds } of results) {
  const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  console.log(`${name.padEnd(16)} ${`${seconds.toFixed(0)} s`.padStart(6)}   ${counts}`);
}
const sum = (of: (result: Result) => number) => results.reduce((total, result) => total + of(result), 0);
const failed = sum((result) => result.failed);
for (const line of results.flatMap(({ failures }) => failures)) console.log(`\nfailed: ${line}`);
console.log(`\n${sum((result) => result.passed)} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
