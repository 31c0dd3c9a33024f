import { errorMessage } from "../../../lib/fault.ts";
import { defineCommand } from "../command.ts";
import { CommandError, ConnectionError } from "../messages.ts";
import { discover } from "../resources/discovery.ts";

/** `kubectl api-versions` */
export const apiVersions = defineCommand({
  name: "api-versions",
  short: 'Print the supported API versions on the server, in the form of "group/version"',
  examples: "# What the server serves\nkubectl api-versions",
  async run({ session, args }) {
    if (args.length > 0)
      throw new CommandError(
        `unexpected arguments: [${args.join(" ")}]\nSee 'kubectl api-versions -h' for help and examples`,
      );
    const { groups } = await discover(session.api).catch((error: unknown) => {
      const why = error instanceof ConnectionError ? error.detail : errorMessage(error);
      throw new CommandError(`couldn't get available api versions from server: ${why}`);
    });
    const versions = groups.flatMap(({ name, versions: served }) =>
      served.map(({ version }) => (name ? `${name}/${version}` : version)),
    );
    for (const version of versions.sort()) session.say(version);
  },
});
