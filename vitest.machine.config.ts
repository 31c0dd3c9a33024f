import { defineConfig } from "vitest/config";

/** Tests that touch the machine (containerd, nftables, namespaces, disks), one after the other. Needs root. */
export default defineConfig({
  test: {
    include: ["src/**/*.machine.test.ts", "test/**/*.machine.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
