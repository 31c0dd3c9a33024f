import { defineConfig } from "vitest/config";

/** Other people's clients against a server over the wire; nothing of the machine is touched. */
export default defineConfig({
  test: {
    include: ["test/api/**/*.test.ts"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
