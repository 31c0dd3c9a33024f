import { isStatus } from "../../../../machinery/status-error.ts";
import { defineCommand } from "../../command.ts";
import { bool, duration, int } from "../../flags/flag.ts";
import { fileFlags, selectorFlag } from "../../flags/shared.ts";
import { CommandError, throwAll } from "../../messages.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "../../resources/resource-info.ts";
import { selectObjects } from "../../resources/selection.ts";
import type { Session } from "../../session.ts";
import { rolloutProgress } from "./progress.ts";

/** `kubectl rollout status` */
export const status = defineCommand({
  name: "status",
  short: "Show the status of the rollout",
  long: "Tell how far the newest roll-out is, and go on telling until it is done.",
  usage: "(TYPE NAME | TYPE/NAME) [flags]",
  flags: {
    ...fileFlags,
    ...selectorFlag,
    revision: int("Ends when another revision than this is rolled out.", { bits: 64 }),
    timeout: duration("How long to watch; 0 does not end."),
    watch: bool("Goes on until the roll-out is done.", { default: true, short: "w" }),
  },
  async run({ session, args, flags }) {
    if (args.length === 0 && flags.filename.length === 0) throw new CommandError("required resource not specified");
    if (flags.revision < 0) throw new CommandError(`revision must be a positive integer: ${flags.revision}`);
    const { infos, errors } = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      typeMeansAll: true,
      latest: true,
    });
    throwAll(errors);
    const end = flags.timeout > 0 ? session.host.clock.monotonic() + flags.timeout : Number.POSITIVE_INFINITY;
    for (const info of infos) await follow(session, info, flags, end);
  },
});

async function follow(
  session: Session,
  info: ResourceInfo,
  flags: { readonly revision: number; readonly watch: boolean },
  end: number,
): Promise<void> {
  const { resource, name, namespace } = info;
  const path = pathOf(resource, { name, namespace });
  let said = "";
  const look = (object: AnyObject): boolean => {
    const progress = rolloutProgress(object, flags.revision);
    if (progress.message !== said) session.host.stdout.write(progress.message);
    said = progress.message;
    return progress.done || !flags.watch;
  };
  let { object } = info;
  for (;;) {
    if (look(object)) return;
    const left = end - session.host.clock.monotonic();
    if (left <= 0) throw new CommandError("timed out waiting for the condition");
    const events = session.api.watch({
      path: pathOf(resource, { namespace }),
      query: { watch: true, fieldSelector: `metadata.name=${name}`, resourceVersion: object.metadata.resourceVersion },
      ...(Number.isFinite(left) ? { timeout: left } : {}),
    });
    try {
      for await (const { type, object: next } of events) {
        if (type === "ERROR") break;
        if (type === "DELETED") throw new CommandError("object has been deleted");
        if (look(next as AnyObject)) return;
      }
    } catch (error) {
      if (error instanceof CommandError || session.host.signal.aborted) throw error;
    }
    try {
      object = await session.api.call<AnyObject>({ path });
    } catch (error) {
      throw isStatus(error, "NotFound") ? new CommandError("object has been deleted") : error;
    }
  }
}
