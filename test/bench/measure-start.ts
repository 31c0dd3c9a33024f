import { prepareCluster, startControlPlane } from "./control-plane.ts";
import type { Row } from "./report.ts";
import type { Suite } from "./suite.ts";

/** How soon the control plane answers, and what it weighs while nothing happens. */
export const startSuite: Suite = {
  name: "start",
  about: "start to ready, idle memory",
  async run({ folder, note, nodeOptions }) {
    using cluster = await prepareCluster(folder);
    const rows: Row[] = [];
    for (const what of ["first", "second"]) {
      note(`${what} start`);
      const { process, readyAfter } = await startControlPlane(cluster, nodeOptions);
      await using _process = process;
      const processor = process.processorSeconds();
      rows.push({
        measure: `start to ready, ${what} start`,
        value: readyAfter,
        unit: "ms",
        goal: { atMost: 1500 },
        note: `${processor.toFixed(2)} s of processor time`,
      });
      if (what === "first") continue;
      note("idle");
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      const idle = process.residentBytes();
      const collected = await process.collectedBytes();
      rows.push({
        measure: "idle memory, after 10 s",
        value: idle / 1e6,
        unit: "MB",
        goal: { atMost: 200 },
        note: `${(collected / 1e6).toFixed(0)} MB after a collection`,
      });
    }
    return rows;
  },
};
