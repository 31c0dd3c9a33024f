/**
 * Holds the codecs against objects that Kubernetes itself wrote, as JSON and as protobuf: each must become the other, byte for
 * byte. Run: `GOLDEN_DIR=FOLDER node scripts/golden.ts`. The last line is `golden PASSED/TOTAL`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { factPackages, lookupUngatedType } from "../src/api/type-info.ts";
import { decodeValue } from "../src/machinery/codec-json.ts";
import { decodeMessage, encodeProtobuf, unwrapProtobuf } from "../src/machinery/codec-protobuf.ts";
import type { StructInfo } from "../src/machinery/type-info.ts";

const folder = process.env.GOLDEN_DIR ?? "../shared/golden-objects";
if (!existsSync(folder)) {
  console.log(`SKIPPED: no golden objects at ${folder}; name their folder in GOLDEN_DIR`);
  process.exit(0);
}

/** Kinds that the field tables do not have, by group version and kind. */
const exceptedKinds = new Set(["scheduling.k8s.io/v1alpha1/Workload"]);
/** Fields that they do not have, with the protobuf bytes that only they make left out of the comparison. */
const exceptedFields = ["workloadRef"];

const packages = new Map(
  factPackages.map(({ group, package: owner }) => [`${group}/${owner.slice(owner.indexOf("/") + 1)}`, owner]),
);

function typeOf(apiVersion: string, kind: string): StructInfo | undefined {
  const owner = packages.get(apiVersion.includes("/") ? apiVersion : `/${apiVersion}`);
  return lookupUngatedType(`${owner}.${kind}`) ?? lookupUngatedType(`meta/v1.${kind}`);
}

function without(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => without(item, names));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !names.includes(name));
  return Object.fromEntries(kept.map(([name, member]) => [name, without(member, names)]));
}

/** The first difference of two values, as a path; undefined if there is none. */
function difference(a: unknown, b: unknown, path = ""): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return `${path}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = difference(
      (a as Record<string, unknown>)[key],
      (b as Record<string, unknown>)[key],
      `${path}/${key}`,
    );
    if (found) return found;
  }
  return undefined;
}

const names = readdirSync(folder)
  .filter((name) => name.endsWith(".pb"))
  .map((name) => name.slice(0, -".pb".length));
let passed = 0;
let total = 0;

for (const name of names) {
  const json = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as { apiVersion?: string; kind?: string };
  const bytes = readFileSync(join(folder, `${name}.pb`));
  const kind = json.kind ?? name.split(".").at(-1) ?? "";
  const apiVersion = json.apiVersion ?? "v1";
  if (exceptedKinds.has(`${apiVersion}/${kind}`)) {
    console.log(`excepted: ${name}`);
    continue;
  }
  total++;
  const type = typeOf(apiVersion, kind);
  if (!type) {
    console.log(`FAILED ${name}: no type`);
    continue;
  }
  const faults: string[] = [];
  const hasExcepted = exceptedFields.some((field) => JSON.stringify(json).includes(`"${field}":`));
  if (hasExcepted) console.log(`excepted in ${name}: ${exceptedFields.join(", ")}`);
  const expected = without(json, exceptedFields);

  const fromJson = decodeValue(type, json).object;
  const same = difference(fromJson, expected);
  if (same) faults.push(`JSON: ${same}`);

  const { message, apiVersion: version, kind: named } = unwrapProtobuf(bytes);
  const fromProtobuf = decodeMessage(type, message, named ? { apiVersion: version, kind: named } : {});
  const read = difference(fromProtobuf, expected);
  if (read) faults.push(`protobuf to JSON: ${read}`);

  // Where the bytes hold a field that the tables do not know, what was read from them must come back the same.
  const written = Buffer.from(encodeProtobuf(type, fromJson));
  if (!hasExcepted && !written.equals(bytes)) {
    const at = written.findIndex((byte, index) => byte !== bytes[index]);
    faults.push(`JSON to protobuf: byte ${at} of ${bytes.length} (${written.length} written)`);
  }
  if (hasExcepted) {
    const again = difference(
      decodeMessage(type, unwrapProtobuf(written).message, { apiVersion: version, kind: named }),
      expected,
    );
    if (again) faults.push(`JSON to protobuf and back: ${again}`);
  }
  if (faults.length === 0) passed++;
  else console.log(`FAILED ${name}: ${faults.join("; ")}`);
}
console.log(`golden ${passed}/${total}`);
process.exitCode = passed === total ? 0 : 1;
