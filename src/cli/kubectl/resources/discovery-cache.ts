import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Discovery } from "./discovery.ts";

/** So long, in milliseconds, what a server told is believed. */
const lifetime = 6 * 3_600_000;
const format = 1;

/** What servers told about themselves, kept on disk from call to call; a disk that cannot be written is no error. */
export interface DiscoveryCache {
  /** What is known and fresh enough. */
  read(): Discovery | undefined;
  write(discovery: Discovery): void;
}

/** The cache of one server. */
export function discoveryCache(options: {
  readonly folder: string;
  readonly server: string;
  readonly now: () => number;
  readonly pid: number;
}): DiscoveryCache {
  const host = options.server.replace(/^[a-z]+:\/\//i, "").replace(/[^\w.-]/g, "_");
  const folder = join(options.folder, "discovery", host);
  const file = join(folder, "aggregated.json");
  return {
    read() {
      try {
        if (options.now() - statSync(file).mtimeMs > lifetime) return undefined;
        const kept = JSON.parse(readFileSync(file, "utf8")) as {
          readonly format?: number;
          readonly discovery?: Discovery;
        };
        return kept.format === format ? kept.discovery : undefined;
      } catch {
        return undefined;
      }
    },
    write(discovery) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o750 });
        const draft = `${file}.${options.pid}`;
        writeFileSync(draft, JSON.stringify({ format, discovery }), { mode: 0o660 });
        renameSync(draft, file);
      } catch {
        // The next call asks the server again.
      }
    },
  };
}
