import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bootstrapCases } from "./loops/bootstrap.ts";
import { canonical, compareOutcomes, compareSets, type Unequal, withoutRetries } from "./loops/compare.ts";
import { apply } from "./loops/differences.ts";
import type { Entry, Scenario } from "./loops/recording.ts";
import { runScenario } from "./loops/run-scenario.ts";

/** The areas of the recordings, each a file. */
const areas = [
  "deployment",
  "replicaset",
  "statefulset",
  "job",
  "daemonset",
  "scheduler",
  "service",
  "lifecycle",
  "volume",
  "node",
  "autoscaler",
];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    case: { type: "string" },
    verbose: { type: "boolean", short: "v", default: false },
  },
});
const folder = resolve(import.meta.dirname, "..", process.env.LOOPS_DIR ?? "../shared/loops");
if (!existsSync(folder)) {
  console.log(`SKIPPED: there are no recordings at ${folder}; set LOOPS_DIR to where they are`);
  process.exit(0);
}

let passedInAll = 0;
let scenariosInAll = 0;
const summary: string[] = [];
for (const area of areas.filter((name) => !values.only || name === values.only)) {
  const { scenarios } = JSON.parse(await readFile(join(folder, `${area}.json`), "utf8")) as {
    readonly scenarios: readonly Scenario[];
  };
  const chosen = scenarios.filter(({ name }) => !values.case || name.includes(values.case));
  let passed = 0;
  for (const scenario of chosen) {
    if (await passes(area, scenario)) passed += 1;
  }
  summary.push(`${area} ${passed}/${chosen.length}`);
  passedInAll += passed;
  scenariosInAll += chosen.length;
}
if (!values.only || values.only === "bootstrap") {
  const cases = (await bootstrapCases(join(folder, "bootstrap-objects.json"))).filter(
    ({ name }) => !values.case || name.includes(values.case),
  );
  let passed = 0;
  for (const { name, recorded, seen } of cases) {
    const place = { area: "bootstrap", scenario: name, step: 0 };
    const side = (entry: Entry, which: "recorded" | "seen") =>
      apply({ objects: [entry], events: [] }, which, place).objects;
    const unequal = compareSets(side(recorded, "recorded"), seen ? side(seen, "seen") : []);
    if (unequal.recorded.length + unequal.seen.length === 0) passed += 1;
    else {
      console.log(`DIFFERS bootstrap: ${name}`);
      for (const line of lines(unequal)) console.log(`    ${line}`);
    }
  }
  summary.push(`bootstrap ${passed}/${cases.length}`);
  passedInAll += passed;
  scenariosInAll += cases.length;
}
for (const line of summary) console.log(line);
console.log(`total ${passedInAll}/${scenariosInAll}`);

async function passes(area: string, scenario: Scenario): Promise<boolean> {
  const { name, steps } = scenario;
  try {
    const outcomes = await runScenario(scenario);
    const places = steps.map((_, step) => ({ area, scenario: name, step }));
    const recorded = withoutRetries(steps.map(({ then }, step) => apply(then, "recorded", places[step]!)));
    const seen = withoutRetries(outcomes.map((outcome, step) => apply(outcome, "seen", places[step]!)));
    const unequal = recorded.map((each, step) => compareOutcomes(each, seen[step]!));
    if (unequal.every(({ length }) => length === 0)) {
      if (values.verbose) console.log(`passed ${area}: ${name}`);
      return true;
    }
    console.log(`DIFFERS ${area}: ${name}`);
    for (const [step, each] of unequal.entries()) {
      if (each.length > 0) console.log(`  after step ${step}: ${JSON.stringify(steps[step]?.do).slice(0, 300)}`);
      for (const part of each) for (const line of lines(part)) console.log(`    ${line}`);
    }
  } catch (error) {
    console.log(`BROKE ${area}: ${name}\n  ${error instanceof Error ? error.stack : String(error)}`);
  }
  return false;
}

/** Pairs what belongs together, and shows only the fields that differ. */
function* lines({ recorded, seen }: Unequal): Generator<string> {
  const others = [...seen];
  for (const entry of recorded) {
    const index = others.findIndex((other) => titleOf(other) === titleOf(entry));
    if (index === -1) {
      yield `- ${canonical(entry)}`;
      continue;
    }
    const [other = {}] = others.splice(index, 1);
    yield `~ ${titleOf(entry)}`;
    for (const { path, one, other: there } of fieldsThatDiffer(entry, other)) {
      yield `    ${path}: recorded ${one}, seen ${there}`;
    }
  }
  for (const entry of others) yield `+ ${canonical(entry)}`;
}

function* fieldsThatDiffer(
  one: unknown,
  other: unknown,
  path = "",
): Generator<{ path: string; one: string; other: string }> {
  if (canonical(one) === canonical(other)) return;
  if (!isRecord(one) || !isRecord(other)) {
    const show = (value: unknown) => (value === undefined ? "(absent)" : canonical(value));
    yield { path, one: show(one), other: show(other) };
    return;
  }
  for (const field of new Set([...Object.keys(one), ...Object.keys(other)])) {
    yield* fieldsThatDiffer(one[field], other[field], path ? `${path}.${field}` : field);
  }
}

function isRecord(value: unknown): value is Entry {
  return typeof value === "object" && value !== null;
}

function titleOf({ kind, name, reason, object, status }: Entry): string {
  if (kind) return `${kind}/${name}`;
  return object ? `${reason} ${object}` : `answer ${status}`;
}
