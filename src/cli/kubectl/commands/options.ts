import { defineCommand } from "../command.ts";
import { optionsHelp } from "../help.ts";

/** `kubectl options` */
export const options = defineCommand({
  name: "options",
  short: "Print the list of flags inherited by all commands",
  async run({ session }) {
    session.host.stdout.write(optionsHelp());
  },
});
