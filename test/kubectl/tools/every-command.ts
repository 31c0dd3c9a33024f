import type { Command, CommandEntry } from "../../../src/cli/kubectl/command.ts";
import { commandGroups } from "../../../src/cli/kubectl/command-list.ts";

/** A command that can be called, by its words: `create configmap`. */
export interface EveryCommand {
  readonly words: string;
  readonly command: Command;
}

/** Every command that does something by itself, subcommands included, in the order of the help. */
export async function everyCommand(): Promise<readonly EveryCommand[]> {
  return await below(
    "",
    commandGroups.flatMap(({ commands }) => commands),
  );
}

async function below(path: string, entries: readonly CommandEntry[]): Promise<readonly EveryCommand[]> {
  const found: EveryCommand[] = [];
  for (const entry of entries) {
    const command = await entry.load();
    const words = `${path}${entry.name}`;
    if (command.run) found.push({ words, command });
    found.push(...(await below(`${words} `, command.subcommands ?? [])));
  }
  return found;
}
