import type { Command, CommandEntry } from "./command.ts";
import { type Flag, type Flags, isOpen } from "./flags/flag.ts";
import { globalFlags } from "./flags/global.ts";
import { goDuration } from "./flags/go-values.ts";
import type { Host } from "./host.ts";

/** Commands that belong together, under a heading. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandEntry[];
}

/** What `kubectl` and `kubectl --help` print. */
export function rootHelp(groups: readonly CommandGroup[]): string {
  const lists = groups.map(({ title, commands }) => `${title}:\n${commandLines(commands)}\n`);
  return `kubectl controls a Kubernetes cluster.

 Find more information at: https://kubernetes.io/docs/reference/kubectl/

${lists.join("\n")}
Usage:
  kubectl [flags] [options]

Use "kubectl <command> --help" for more information about a given command.
Use "kubectl options" for a list of global command-line options (applies to all commands).
`;
}

/** What `kubectl options` prints. */
export function optionsHelp(): string {
  return `The following options can be passed to any command:\n\n${flagLines(globalFlags)}\n`;
}

/** What `kubectl COMMAND --help` prints; the environment opens flags that others do not see. */
export function commandHelp(command: Command, path: string, env: Host["env"] = {}): string {
  const sections = [command.long ?? `${command.short}.`];
  if (command.aliases?.length) sections.push(`Aliases:\n${[command.name, ...command.aliases].join(", ")}`);
  if (command.examples) {
    const lines = command.examples.split("\n").map((line) => `  ${line}`.trimEnd());
    sections.push(`Examples:\n${lines.join("\n")}`);
  }
  const shown = (command.subcommands ?? []).filter(({ hidden }) => !hidden);
  if (shown.length > 0) sections.push(`Available Commands:\n${commandLines(shown)}`);
  const own = flagLines(command.flags ?? {}, env);
  if (own) sections.push(`Options:\n${own}`);
  sections.push(`Usage:\n  ${usageLine(command, path)}`);
  if (shown.length > 0) sections.push(`Use "${path} <command> --help" for more information about a given command.`);
  const last = `Use "kubectl options" for a list of global command-line options (applies to all commands).\n`;
  return `${sections.join("\n\n")}\n${shown.length > 0 ? "" : "\n"}${last}`;
}

function usageLine(command: Command, path: string): string {
  const usage = command.usage ?? (command.run ? "" : "SUBCOMMAND");
  return [path, usage, ...(usage.includes("[options]") ? [] : ["[options]"])].filter(Boolean).join(" ");
}

function commandLines(commands: readonly CommandEntry[]): string {
  const shown = commands.filter(({ hidden }) => !hidden);
  const width = Math.max(...shown.map(({ name }) => name.length), 11) + 2;
  return shown.map(({ name, short }) => `  ${name.padEnd(width)} ${short}`).join("\n");
}

function flagLines(flags: Flags, env: Host["env"] = {}): string {
  return Object.entries(flags)
    .filter(([, flag]) => !flag.hidden && flag.deprecated === undefined && isOpen(flag, env))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, flag]) => `    ${flag.short ? `-${flag.short}, ` : ""}--${name}=${defaultText(flag)}:\n\t${flag.usage}`,
    )
    .join("\n\n");
}

function defaultText(flag: Flag): string {
  switch (flag.form) {
    case "text":
      return `'${flag.default as string}'`;
    case "duration":
      return goDuration(flag.default as number);
    case "list":
    case "texts":
      return `[${(flag.default as readonly string[]).join(",")}]`;
    default:
      return String(flag.default);
  }
}
