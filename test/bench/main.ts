import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { apiSuite } from "./measure-api.ts";
import { customResourceSuite } from "./measure-custom-resources.ts";
import { ingressSuite } from "./measure-ingress.ts";
import { networkSuite } from "./measure-network.ts";
import { podSuite } from "./measure-pods.ts";
import { startSuite } from "./measure-start.ts";
import { isMet, type Row, ratioOf, tableOf } from "./report.ts";
import type { Suite } from "./suite.ts";

const suites: readonly Suite[] = [startSuite, apiSuite, podSuite, customResourceSuite, networkSuite, ingressSuite];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    short: { type: "boolean", default: false },
    output: { type: "string", short: "o", default: "table" },
    out: { type: "string", default: fileURLToPath(new URL("../../.cache/bench/latest.json", import.meta.url)) },
    folder: { type: "string", default: tmpdir() },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- [options]
  --only NAMES     of ${suites.map(({ name }) => name).join(", ")}; separated by commas
  --short          short loads: shows that it works, not how fast
  -o json          JSON instead of the table
  --out FILE       where the JSON is kept (.cache/bench/latest.json)
  --folder FOLDER  where data are put; the kind of disk counts
  --profile FOLDER V8 profiles of the control plane go here`);
  process.exit(0);
}

const names = values.only?.split(",") ?? suites.map(({ name }) => name);
const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`there is no measure ${unknown.join(", ")}; there are: ${suites.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const machine = { cores: cpus().length, model: cpus()[0]?.model ?? "", node: process.version, load: loadavg()[0] ?? 0 };
if (machine.load > 0.5)
  console.error(`bench: this machine is busy (load ${machine.load.toFixed(1)}): figures will be poor`);
const rows: Row[] = [];
for (const suite of suites) {
  if (!names.includes(suite.name)) continue;
  const note = (text: string) => console.error(`bench: ${suite.name}: ${text}`);
  const nodeOptions = values.profile ? ["--cpu-prof", `--cpu-prof-dir=${values.profile}`] : [];
  rows.push(...(await suite.run({ folder: values.folder, short: values.short, note, nodeOptions })));
}

const report = {
  at: new Date().toISOString(),
  machine,
  short: values.short,
  rows: rows.map((row) => ({ ...row, ratio: ratioOf(row), met: isMet(row) })),
};
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(join(values.out), `${JSON.stringify(report, undefined, 2)}\n`);
if (values.output === "json") console.log(JSON.stringify(report, undefined, 2));
else console.log(tableOf(rows));
