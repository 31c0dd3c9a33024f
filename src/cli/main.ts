import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { errorMessage, Fault, faultCode } from "../lib/fault.ts";
import { addRoleCommands, isRole } from "./role-commands.ts";

/** Two folders up from the source, three from what is built of it. */
const manifestFile = ["../../package.json", "../../../package.json"]
  .map((path) => new URL(path, import.meta.url))
  .find((file) => existsSync(file));
const manifest = JSON.parse(manifestFile ? readFileSync(manifestFile, "utf8") : "{}") as { readonly version?: string };

const afterHelp = `
navarch kubectl ... is kubectl 1.35; linked as kubectl, this program is it.
A first cluster:          navarch up --example guestbook
What that would change:   navarch up --dry-run (so can every command that changes this machine)`;

const program = new Command("navarch")
  .description("Kubernetes, whole, in one program: a real cluster on this machine, started by one command.")
  .version(manifest.version ?? "unknown", "-V, --version")
  // A command and its own subcommand may have options of the same name (why, why access).
  .enablePositionalOptions()
  .showHelpAfterError("(navarch --help lists the commands)")
  .configureHelp({ sortSubcommands: false })
  .addHelpText("after", afterHelp);

// A role's process stays for long: it carries none of what the other commands need.
if (!isRole(process.argv[2])) await (await import("./commands.ts")).addCommands(program);
addRoleCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  // A fault is an answer for people; anything else is a defect of ours, and its trace helps to find it.
  const text =
    error instanceof Fault || process.env.NAVARCH_DEBUG === undefined ? errorMessage(error) : (error as Error).stack;
  process.stderr.write(`navarch: ${text}\n`);
  // What a shell expects of a program that was interrupted.
  process.exitCode = faultCode(error) === "aborted" ? 130 : 1;
}
