import { afterEach, beforeEach, describe } from "vitest";
import { type Clock, systemClock } from "../lib/clock.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { commitContract } from "./contract-commit.ts";
import { expiryContract } from "./contract-expiry.ts";
import { historyContract } from "./contract-history.ts";
import { readContract } from "./contract-read.ts";
import { watchContract } from "./contract-watch.ts";
import type { Store } from "./store.ts";

/** What the parts of the suite work with: a fresh store per test, and its time. */
export interface Bench {
  readonly store: Store;
  /** Lets milliseconds pass for the store. */
  advance(ms: number): Promise<void>;
}

/**
 * Every Store passes this suite; a driver's own test file is one call to it. `open` gives an empty store; a driver that
 * cannot be given a clock, because a server elsewhere keeps the time, says `realTime`.
 */
export function storeContract(
  driver: string,
  open: (clock: Clock) => Promise<Store>,
  { realTime = false }: { readonly realTime?: boolean } = {},
): void {
  describe(`${driver}: `, () => {
    let store: Store;
    let clock: VirtualClock;
    beforeEach(async () => {
      clock = new VirtualClock();
      store = await open(realTime ? systemClock : clock);
    });
    afterEach(() => store[Symbol.asyncDispose]());

    const bench: Bench = {
      get store() {
        return store;
      },
      advance: async (ms) => (realTime ? systemClock.sleep(ms) : clock.advance(ms)),
    };
    describe("commit", () => commitContract(bench));
    describe("read", () => readContract(bench));
    describe("history", () => historyContract(bench));
    describe("watch", () => watchContract(bench));
    describe("expiry and end", () => expiryContract(bench));
  });
}
