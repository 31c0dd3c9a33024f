import { errorMessage } from "../lib/fault.ts";
import type { CheckReport } from "./check.ts";
import { type Header, readHeader, type State } from "./lmdb-format.ts";
import { Tables } from "./lmdb-tables.ts";

/** The program that `checkDataDirectory` runs: reads one data directory and prints a report as JSON. */
const directory = process.argv[2];
if (directory === undefined) throw new Error("usage: check-reader <data directory>");
process.stdout.write(JSON.stringify(check(directory)));

function check(path: string): CheckReport {
  const tables = new Tables({ directory: path, mapSize: 32 * 1024 ** 3, sync: true, readOnly: true });
  const state = tables.state();
  if (!state || !tables.log || !tables.keys || !tables.expiries) {
    return { ok: false, problems: ["the store's tables or its state record are missing"] };
  }
  const problems: string[] = [];
  const report = (problem: string) => {
    if (problems.length < 20) problems.push(problem);
  };
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      report(errorMessage(error));
      return undefined;
    }
  };

  const present = new Map<string, Header>();
  for (const key of tables.keys.getKeys()) {
    const bytes = tables.keys.getBinaryFast(key);
    const header = bytes && attempt(() => readHeader(bytes, key));
    if (header) present.set(key, header);
  }
  const { records, bytes, last } = readLog(tables, state, present, report, attempt);
  for (const [key, header] of present) {
    if (last.get(key) !== header.revision) report(`key ${key} is at ${header.revision}, the log has ${last.get(key)}`);
    const due = header.expires > 0 && tables.expiries.getBinaryFast([header.expires, key]) === undefined;
    if (due) report(`key ${key} should expire, but no expiry is noted`);
  }
  for (const [expires, key] of tables.expiries.getKeys()) {
    if (present.get(key)?.expires !== expires) report(`an expiry is noted for ${key}, which has none`);
  }
  if (bytes !== state.bytes) report(`the records have ${bytes} bytes, ${state.bytes} are accounted for`);
  const { revision, compacted } = state;
  return { ok: problems.length === 0, problems, contents: { revision, compacted, keys: present.size, records, bytes } };
}

function readLog(
  tables: Tables,
  state: State,
  present: ReadonlyMap<string, Header>,
  report: (problem: string) => void,
  attempt: <T>(read: () => T) => T | undefined,
): { records: number; bytes: number; last: Map<string, number> } {
  const last = new Map<string, number>();
  let records = 0;
  let bytes = 0;
  for (const revision of tables.log.getKeys()) {
    records++;
    const head = attempt(() => tables.head(revision));
    if (!head) continue;
    bytes += head.size;
    if (revision > state.revision) report(`revision ${revision} is in the log, but the store is at ${state.revision}`);
    if (head.previous >= revision) report(`revision ${revision} claims to follow ${head.previous}`);
    const header = present.get(head.key);
    const follows = last.get(head.key) ?? 0;
    if (revision > state.swept && follows !== head.previous && head.previous > state.swept) {
      report(`revision ${revision} of ${head.key} follows ${head.previous}, the log has ${follows}`);
    }
    if (head.deleted) {
      last.delete(head.key);
    } else {
      last.set(head.key, revision);
      attempt(() => tables.value(revision));
    }
    if (header && header.revision === revision && (header.size !== head.size || header.created !== head.created)) {
      report(`the entry of key ${head.key} disagrees with its record at ${revision}`);
    }
  }
  for (const [key, revision] of last) {
    if (!present.has(key)) report(`key ${key} was written at ${revision} and not deleted, but it is gone`);
  }
  return { records, bytes, last };
}
