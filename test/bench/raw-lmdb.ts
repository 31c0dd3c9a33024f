import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";

export interface CommitLoad {
  /** How many writers commit one after the other, all at once. */
  readonly writers: number;
  readonly seconds: number;
  readonly valueBytes: number;
  /** Where to put the data, default the machine's temporary folder; the kind of disk decides everything. */
  readonly folder?: string;
}

/** Flushed commits per second of bare LMDB, one put per commit: the limit that the store is compared to. */
export async function rawLmdbCommits(load: CommitLoad): Promise<number> {
  const directory = mkdtempSync(join(load.folder ?? tmpdir(), "navarch-raw-"));
  const database = open<Buffer, string>({
    path: directory,
    noSubdir: false,
    encoding: "binary",
    overlappingSync: false,
    mapSize: 32 * 1024 ** 3,
  });
  try {
    const value = Buffer.alloc(load.valueBytes, 1);
    return await commitsPerSecond(load, (key) => database.put(key, value));
  } finally {
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs the writers' loops over `commit` and gives the commits per second; every key is new. */
export async function commitsPerSecond(load: CommitLoad, commit: (key: string) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  const until = began + load.seconds * 1000;
  let commits = 0;
  const write = async (writer: number) => {
    for (let i = 0; performance.now() < until; i++) {
      await commit(`/registry/pods/default/writer-${writer}-${i}`);
      commits++;
    }
  };
  await Promise.all(Array.from({ length: load.writers }, (_, writer) => write(writer)));
  return (commits * 1000) / (performance.now() - began);
}
