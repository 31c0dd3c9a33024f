import { expect, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { burstableShares } from "./burstable-shares.ts";

test("burstable pods get together what they asked for, the last of what changed meanwhile", async () => {
  const written: (number | undefined)[] = [];
  let release = () => {};
  const cgroups = {
    updateQos: async (_: string, { cpuShares }: { readonly cpuShares?: number }) => {
      written.push(cpuShares);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    },
  };
  let requested = 500;
  const look = burstableShares(cgroups, () => requested, silentLog);
  look();
  requested = 1000;
  look();
  requested = 2000;
  look();
  for (let round = 0; round < 5; round++) {
    release();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(written).toEqual([512, 2048]);
  look();
  expect(written).toHaveLength(2);
});
