import { errorMessage } from "../../../src/lib/fault.ts";
import { type Job, OpenWatches, runReads, runRequests } from "./jobs.ts";

/** The process that makes the load: one of its own, so that the server under load has a core to itself. */
const watches = new OpenWatches();

process.on("message", ({ id, job }: { readonly id: number; readonly job: Job }) => {
  run(job).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: errorMessage(error) }),
  );
});
process.on("disconnect", () => process.exit(0));

async function run(job: Job): Promise<unknown> {
  switch (job.kind) {
    case "requests":
      return await runRequests(job);
    case "reads":
      return await runReads(job);
    case "watch":
      return await watches.open(job);
    case "seen":
      return await watches.seen(job.lines);
    case "unwatch":
      return watches.close();
  }
}
