import type { Command } from "commander";
import { planCluster } from "../cluster/config.ts";
import { checkStore } from "../cluster/store-check.ts";

/** `navarch store check`. */
export function addStoreCommands(program: Command): void {
  const store = program.command("store").description("look after a cluster's data");
  store
    .command("check")
    .description("verify a cluster's data directory; changes nothing")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs")
    .action(async (flags: { name: string; dataDir?: string; output?: string }) => {
      const report = await checkStore(planCluster(flags, process.env));
      if (flags.output === "json") console.log(JSON.stringify(report, undefined, 2));
      else console.log(report.text);
      if (!report.sound) process.exitCode = 1;
    });
}
