import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files begin with numbers: what ends the cluster comes last. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/** End to end: a real cluster, started once, and an unmodified kubectl. Needs root. */
export default defineConfig({
  test: {
    include: ["test/e2e/*.e2e.test.ts"],
    globalSetup: ["test/e2e/tools/shared-cluster.ts"],
    pool: "forks",
    fileParallelism: false,
    // Tests that say so wait for their pods side by side.
    maxConcurrency: 24,
    sequence: { sequencer: ByName },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 180_000,
  },
});
