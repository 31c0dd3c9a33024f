import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/lib/clock.ts";
import { prefixRange } from "../../src/store/keys.ts";
import { openLmdbStore } from "../../src/store/lmdb.ts";
import type { Store } from "../../src/store/store.ts";
import { commitsPerSecond, rawLmdbCommits } from "./raw-lmdb.ts";

const { values } = parseArgs({
  options: {
    writers: { type: "string", default: "1,16,64,256" },
    seconds: { type: "string", default: "2" },
    bytes: { type: "string", default: "1024" },
    watches: { type: "string", default: "0" },
    folder: { type: "string", default: tmpdir() },
  },
});

/** Compares the embedded store with bare LMDB in one and the same run, then times reads of a large range. */
const seconds = Number(values.seconds);
const valueBytes = Number(values.bytes);
for (const writers of values.writers.split(",").map(Number)) {
  const load = { writers, seconds, valueBytes, folder: values.folder };
  const raw = await rawLmdbCommits(load);
  const ours = await withStore((store) => {
    const value = Buffer.alloc(valueBytes, 1);
    return commitsPerSecond(load, (key) => store.commit({ key, value, expected: 0n }));
  });
  const ratio = (ours / raw).toFixed(2);
  console.log(`${writers} writers: ${Math.round(ours)} commits/s, bare LMDB ${Math.round(raw)}/s, ratio ${ratio}`);
}
await withStore(async (store) => {
  const value = Buffer.alloc(valueBytes, 1);
  await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => store.commit({ key: `/registry/pods/p${i}`, value, expected: 0n })),
  );
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    const { entries } = await store.read(prefixRange("/registry/pods/"));
    const listed = performance.now();
    for (let i = 0; i < 1000; i++) await store.read(prefixRange(`/registry/pods/p${i * 7}`), { limit: 1 });
    const single = (performance.now() - listed) / 1000;
    console.log(`read ${entries.length} in ${(listed - began).toFixed(1)} ms, one in ${single.toFixed(3)} ms`);
  }
});

async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(values.folder, "navarch-bench-"));
  const store = await openLmdbStore({ path: directory, clock: systemClock });
  const end = new AbortController();
  try {
    const drain = async (prefix: string) => {
      for await (const _ of store.watch(prefixRange(prefix), 1n, end.signal));
    };
    const watches = Array.from({ length: Number(values.watches) }, (_, i) =>
      drain(i === 0 ? "/registry/pods/" : `/w${i}/`),
    );
    const result = await use(store);
    end.abort();
    await Promise.all(watches);
    return result;
  } finally {
    await store[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }
}
