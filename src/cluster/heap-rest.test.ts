import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { collectAtRest, restingFlags } from "./heap-rest.ts";

const mega = 1024 * 1024;
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A heap of 30 MB that lives and as much garbage as a test says, looked at by a virtual clock. */
function heap() {
  const state = { garbage: 0, busy: 0, collections: 0 };
  const clock = new VirtualClock();
  const meters = {
    used: () => 30 * mega + state.garbage,
    busyMs: () => state.busy,
    async collect() {
      state.collections += 1;
      state.garbage = 0;
    },
  };
  return { state, clock, meters, pass: () => clock.pass(10_000, settled) };
}

test("garbage is collected once the process rests", async () => {
  const { state, clock, meters, pass } = heap();
  using _collecting = collectAtRest(meters, clock);
  state.garbage = 50 * mega;
  state.busy += 9_000;
  await pass();
  expect(state.collections).toBe(0);
  state.busy += 500;
  await pass();
  expect(state).toMatchObject({ collections: 1, garbage: 0 });
});

test("little garbage is left alone", async () => {
  const { state, clock, meters, pass } = heap();
  using _collecting = collectAtRest(meters, clock);
  await pass();
  expect(state.collections).toBe(1); // what the start has left
  state.garbage = mega;
  await pass();
  expect(state.collections).toBe(1);
});

test("nothing is collected after the end", async () => {
  const { state, clock, meters, pass } = heap();
  collectAtRest(meters, clock)[Symbol.dispose]();
  state.garbage = 50 * mega;
  await pass();
  expect(state.collections).toBe(0);
});

test("a process started with the flags can collect its own heap", () => {
  const module = fileURLToPath(new URL("heap-rest.ts", import.meta.url));
  const script = `
    import { ownHeap } from ${JSON.stringify(module)};
    const heap = ownHeap();
    let kept = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
    const before = heap.used();
    kept = undefined;
    await heap.collect();
    console.log(JSON.stringify({ before, after: heap.used() }));
  `;
  const output = execFileSync(process.execPath, [...restingFlags, "--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  const { before, after } = JSON.parse(output) as { readonly before: number; readonly after: number };
  expect(before - after).toBeGreaterThan(10 * mega);
});
