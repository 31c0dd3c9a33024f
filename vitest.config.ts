import { defineConfig } from "vitest/config";

/** Unit and contract tests sit beside the code; the end-to-end suites under test/ have a configuration of their own. */
export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "scripts/**/*.test.ts",
      "examples/**/*.test.ts",
      "test/{api,scenarios,security}/**/*.test.ts",
    ],
    // Tests that touch the machine (containerd, nftables, namespaces) need root: `npm run test:machine`.
    exclude: ["**/*.machine.test.ts", "**/node_modules/**"],
    pool: "forks",
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
