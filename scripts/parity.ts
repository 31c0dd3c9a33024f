import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../src/lib/clock.ts";
import { openLog } from "../src/lib/log.ts";
import { Metrics } from "../src/lib/metrics.ts";
import { systemRandom } from "../src/lib/random.ts";
import { openServer, parseTokenFile } from "../src/server/api-server.ts";
import { openMemoryStore } from "../src/store/memory.ts";
import { type RecordedCase, runCase, type Setting } from "./parity/run-case.ts";

/** The areas of the recordings, each a file. */
const allAreas = ["defaulting", "validation", "patch", "verbs", "watch", "discovery", "rbac-authn", "crd"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    verbose: { type: "boolean", short: "v", default: false },
    case: { type: "string" },
  },
});
const folder = resolve(import.meta.dirname, "..", process.env.PARITY_DIR ?? "../shared/parity");
if (!existsSync(folder)) {
  console.log(`SKIPPED: there are no recordings at ${folder}; set PARITY_DIR to where they are`);
  process.exit(0);
}

await using store = openMemoryStore({ clock: systemClock });
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
await using server = await openServer({
  store,
  clock: systemClock,
  random: systemRandom,
  log: openLog({ level: values.verbose ? "warn" : "silent" }),
  metrics: new Metrics(),
  serviceRange: "10.97.0.0/16",
  serviceAccounts: {
    issuer: "https://kubernetes.default.svc",
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  },
  authentication: {
    tokens: parseTokenFile(
      [
        'admintoken,admin,admin,"system:masters"',
        'alicetoken,alice,u-alice,"devs"',
        'bobtoken,bob,u-bob,"ops,auditors"',
        "caroltoken,carol,u-carol",
      ].join("\n"),
    ),
  },
});
await using listener = await server.listen({ host: "127.0.0.1", port: 0 });
const origin = `http://127.0.0.1:${listener.port}`;

async function make(path: string, object: object): Promise<void> {
  const response = await fetch(origin + path, {
    method: "POST",
    headers: { authorization: "Bearer admintoken", "content-type": "application/json" },
    body: JSON.stringify(object),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

async function openNamespace(number: number): Promise<string> {
  const name = `parity-${number}-${systemRandom.bytes(2).join("")}`;
  await make("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
  await make(`/api/v1/namespaces/${name}/serviceaccounts`, { ...account, automountServiceAccountToken: false });
  return name;
}

interface Recording {
  readonly ignored?: readonly string[];
  readonly cases: readonly RecordedCase[];
}

let number = 0;
let passedInAll = 0;
let casesInAll = 0;
const summary: string[] = [];
for (const area of positionals.length > 0 ? positionals : allAreas) {
  const recording = JSON.parse(await readFile(join(folder, `${area}.json`), "utf8")) as Recording;
  const cases = recording.cases.filter(({ name }) => !values.case || name.includes(values.case));
  // Watches take their time: a few cases run side by side, each in its own namespace.
  const outcomes = new Map<RecordedCase, Awaited<ReturnType<typeof runCase>>>();
  const queue = [...cases];
  const work = async () => {
    for (let one = queue.shift(); one; one = queue.shift()) {
      const setting: Setting = {
        origin,
        store,
        area,
        ignored: recording.ignored ?? [],
        namespace: await openNamespace(++number),
      };
      outcomes.set(one, await runCase(one, setting));
    }
  };
  await Promise.all(Array.from({ length: area === "watch" || area === "crd" ? 14 : 1 }, work));
  let passed = 0;
  for (const one of cases) {
    const failures = outcomes.get(one) ?? [];
    if (failures.length === 0) passed += 1;
    else {
      console.log(`FAILED ${area}: ${one.name}`);
      if (!values.verbose) continue;
      for (const { step, differences } of failures) {
        console.log(`  ${step}`);
        for (const { path, expected, actual } of differences.slice(0, 12)) {
          console.log(`    ${path || "(all)"}\n      recorded ${show(expected)}\n      answered ${show(actual)}`);
        }
      }
    }
  }
  summary.push(`${area} ${passed}/${cases.length}`);
  passedInAll += passed;
  casesInAll += cases.length;
}

function show(value: unknown): string {
  return value === undefined ? "(absent)" : JSON.stringify(value).slice(0, 700);
}

for (const line of summary) console.log(line);
console.log(`total ${passedInAll}/${casesInAll}`);
