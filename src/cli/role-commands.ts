import type { Command } from "commander";
import { startAgentRole } from "../cluster/agent-role.ts";
import { readCluster } from "../cluster/config.ts";
import { claimProcess } from "../cluster/process-lock.ts";
import { runRole } from "../cluster/role-process.ts";
import { startServerRole } from "../cluster/server-role.ts";
import { Fault } from "../lib/fault.ts";
import { openLog } from "../lib/log.ts";

/** The processes that `up` starts. */
export function addRoleCommands(program: Command): void {
  for (const [name, description, start] of [
    ["server", "run the control plane of a cluster that `up` has prepared", startServerRole],
    ["agent", "run the node of a cluster that `up` has prepared", startAgentRole],
  ] as const) {
    program
      .command(name, { hidden: true })
      .description(description)
      .requiredOption("--data-dir <folder>", "the cluster's folder")
      .option("--log-level <level>", "debug, info, warn or error", "info")
      .action(async (flags: { dataDir: string; logLevel: "debug" | "info" | "warn" | "error" }) => {
        const config = readCluster(flags.dataDir);
        if (!config) throw new Fault("missing", `there is no cluster in ${flags.dataDir}; make one with: navarch up`);
        const log = openLog({ level: flags.logLevel });
        using _claim = claimProcess(config.runDir, name);
        await runRole(log, (note) => start(config, log, note));
      });
  }
}
