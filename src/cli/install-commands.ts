import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { writeSafely } from "../cluster/certificates.ts";
import { placesOf } from "../cluster/config.ts";
import { unitName, unitText } from "../cluster/service/unit.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { soundDescription } from "./config-commands.ts";
import { filePath } from "./flags.ts";

const unitFolder = "/etc/systemd/system";
const program = process.argv[1] ?? "";

interface InstallFlags {
  readonly name: string;
  readonly config?: string;
  readonly dryRun?: boolean;
}

/** `navarch install` and `navarch uninstall`. */
export function addInstallCommands(root: Command): void {
  root
    .command("install")
    .description("let systemd run a cluster: at boot, again when it fails, with its health watched")
    .option("--name <name>", "the cluster", "navarch")
    .option("--config <file>", "the cluster's description", filePath)
    .option("--dry-run", "print what would be written and run; change nothing")
    .argument("[up-flags...]", "after --, what navarch up is to be told")
    .action(install);
  root
    .command("uninstall")
    .description("end a cluster that systemd runs, and let it be started by hand again; its data stays")
    .option("--name <name>", "the cluster", "navarch")
    .option("--dry-run", "print what would be run; change nothing")
    .action(uninstall);
}

function install(args: readonly string[], flags: InstallFlags): void {
  placesOf(flags, process.env); // a name that is none is refused here
  if (flags.config !== undefined) soundDescription(flags.config);
  const { NAVARCH_DATA, KUBECONFIG } = process.env;
  const text = unitText({
    name: flags.name,
    node: process.execPath,
    program,
    args: [...(flags.config === undefined ? [] : ["--config", flags.config]), ...args],
    home: homedir(),
    environment: { ...(NAVARCH_DATA ? { NAVARCH_DATA } : {}), ...(KUBECONFIG ? { KUBECONFIG } : {}) },
  });
  const unit = unitName(flags.name);
  const file = join(unitFolder, unit);
  const steps = [["daemon-reload"], ["enable", "--now", unit]];
  if (flags.dryRun) {
    console.log(`# ${file}\n${text}\n${stepsText(steps)}`);
    return;
  }
  needSystemd();
  writeSafely(file, text);
  run(steps);
  console.log(`${unit} runs; see it with: systemctl status ${unit}`);
}

function uninstall(flags: InstallFlags): void {
  placesOf(flags, process.env);
  const unit = unitName(flags.name);
  const file = join(unitFolder, unit);
  const steps = [["disable", "--now", unit]];
  if (flags.dryRun) {
    console.log(`${stepsText(steps)}\nrm ${file}\n${stepsText([["daemon-reload"]])}`);
    return;
  }
  needSystemd();
  if (!existsSync(file)) throw new Fault("missing", `there is no ${file}; navarch install writes it`);
  run(steps);
  rmSync(file);
  run([["daemon-reload"]]);
  console.log(`${unit} is gone; the cluster's data stays`);
}

const stepsText = (steps: readonly (readonly string[])[]) =>
  steps.map((step) => `systemctl ${step.join(" ")}`).join("\n");

function needSystemd(): void {
  if (existsSync("/run/systemd/system")) return;
  throw new Fault("unsupported", "this machine is not run by systemd; --dry-run prints the unit for another one");
}

function run(steps: readonly (readonly string[])[]): void {
  for (const step of steps) {
    try {
      execFileSync("systemctl", step, { stdio: ["ignore", "inherit", "pipe"] });
    } catch (error) {
      throw new Fault("unavailable", `systemctl ${step.join(" ")}: ${errorMessage(error)}`, { cause: error });
    }
  }
}
