import { Readable } from "node:stream";
import { seededRandom } from "../../lib/random.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { Host } from "./host.ts";

/** A host in a folder at a moment (milliseconds since the epoch), without input; it keeps what is said on stderr. */
export function hostIn(cwd: string, now: number): Host & { readonly clock: VirtualClock; readonly said: string[] } {
  const said: string[] = [];
  return {
    stdin: Readable.from([]),
    stdout: { write: () => {}, isTerminal: false },
    stderr: { write: (text) => void said.push(String(text)), isTerminal: false },
    env: { PATH: process.env.PATH },
    cwd,
    clock: new VirtualClock(now),
    random: seededRandom(1),
    signal: new AbortController().signal,
    said,
  };
}
