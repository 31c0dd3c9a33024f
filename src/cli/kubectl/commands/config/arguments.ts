import type { Command, Invocation } from "../../command.ts";
import { commandHelp } from "../../help.ts";
import { CommandError } from "../../messages.ts";

/** Shows the command's help and fails, as `kubectl config` does when the number of words is wrong. */
export function wrongArguments(
  command: Command,
  { session, args, path }: Invocation,
  word = "Unexpected",
): CommandError {
  session.host.stdout.write(commandHelp(command, path));
  return new CommandError(`${word} args: [${args.join(" ")}]`);
}
