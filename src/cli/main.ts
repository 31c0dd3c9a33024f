import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { errorMessage, Fault } from "../lib/fault.ts";
import { addImageCommands } from "./image-commands.ts";
import { addLifeCommands } from "./life-commands.ts";
import { addRoleCommands } from "./role-commands.ts";
import { addStoreCommands } from "./store-commands.ts";

/** Two folders up from the source, three from what is built of it. */
const manifestFile = ["../../package.json", "../../../package.json"]
  .map((path) => new URL(path, import.meta.url))
  .find((file) => existsSync(file));
const manifest = JSON.parse(manifestFile ? readFileSync(manifestFile, "utf8") : "{}") as { readonly version?: string };

const program = new Command("navarch")
  .description("Kubernetes, whole, in one program: a real cluster on this machine, started by one command.")
  .version(manifest.version ?? "unknown", "-V, --version")
  .showHelpAfterError("(navarch --help lists the commands)")
  .configureHelp({ sortSubcommands: false });

addLifeCommands(program);
addImageCommands(program);
addStoreCommands(program);
addRoleCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  // A fault is an answer for people; anything else is a defect of ours, and its trace helps to find it.
  const text =
    error instanceof Fault || process.env.NAVARCH_DEBUG === undefined ? errorMessage(error) : (error as Error).stack;
  process.stderr.write(`navarch: ${text}\n`);
  process.exitCode = 1;
}
