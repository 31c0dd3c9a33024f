import { defineCommand } from "../../command.ts";
import { int } from "../../flags/flag.ts";
import { fileFlags, printFlags, selectorFlag } from "../../flags/shared.ts";
import { CommandError, throwAll } from "../../messages.ts";
import { objectName, objectPrinter } from "../../output/printer.ts";
import { alignTabs, describeTabs } from "../../output/tab-align.ts";
import { selectObjects } from "../../resources/selection.ts";
import { causeAnnotation, revisionsOf } from "./revisions.ts";
import { templateText } from "./template.ts";

const noHistory = "No rollout history found.";

/** `kubectl rollout history` */
export const history = defineCommand({
  name: "history",
  short: "View rollout history",
  long: "Show the forms that a deployment, daemon set or stateful set had, and why each came to be.",
  usage: "(TYPE NAME | TYPE/NAME) [flags]",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...selectorFlag,
    revision: int("Shows this one in full."),
  },
  async run({ session, args, flags }) {
    if (flags.revision < 0) throw new CommandError(`revision must be a positive integer: ${flags.revision}`);
    if (args.length === 0 && flags.filename.length === 0) throw new CommandError("required resource not specified");
    const printer = flags.output ? await objectPrinter(session, flags) : undefined;
    const { infos, errors: missed } = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      typeMeansAll: true,
      latest: true,
    });
    const errors: unknown[] = [...missed];
    for (const info of infos) {
      try {
        const revisions = await revisionsOf(session, info, "history");
        if (flags.revision > 0) {
          if (revisions.length === 0 && !printer) {
            session.say(`${objectName(info.object)} with revision #${flags.revision}\n${noHistory}`);
            continue;
          }
          const found = revisions.find(({ number }) => number === flags.revision);
          if (!found) throw new CommandError("unable to find the specified revision");
          if (printer) printer.print(found.object);
          else {
            const text = templateText(info.object, found, { cause: true });
            session.host.stdout.write(`${objectName(info.object)} with revision #${flags.revision}\n${text}\n`);
          }
        } else if (printer) for (const { object } of revisions) printer.print(object);
        else {
          const lines = revisions.map(
            ({ number, object }) => `${number}\t${object.metadata.annotations?.[causeAnnotation] || "<none>"}\n`,
          );
          const table = alignTabs(`REVISION\tCHANGE-CAUSE\n${lines.join("")}`, describeTabs);
          session.host.stdout.write(`${objectName(info.object)} \n${revisions.length === 0 ? noHistory : table}\n`);
        }
      } catch (error) {
        errors.push(error);
      }
    }
    throwAll(errors);
  },
});
