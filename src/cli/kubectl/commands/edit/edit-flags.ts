import { text } from "../../flags/flag.ts";
import { fieldManagerFlag, fileFlags, printFlags, recordFlag, validateFlag, windowsFlag } from "../../flags/shared.ts";
import { throwAll } from "../../messages.ts";
import { noSuchForm } from "../../output/printer.ts";
import type { ResourceInfo } from "../../resources/resource-info.ts";
import { selectObjects } from "../../resources/selection.ts";
import type { Session } from "../../session.ts";

/** The flags of what opens objects in an editor, with the name that it writes under. */
export const editFlags = (manager: string) =>
  ({
    ...printFlags,
    ...fileFlags,
    ...validateFlag,
    ...recordFlag,
    ...windowsFlag,
    ...fieldManagerFlag(manager),
    output: text("What to edit it as: yaml or json.", { short: "o" }),
  }) as const;

/** The objects to edit, as the server has them. Throws CommandError, StatusError. */
export async function objectsToEdit(
  session: Session,
  args: readonly string[],
  flags: { readonly filename: readonly string[]; readonly recursive: boolean; readonly output: string },
  subresource?: string,
): Promise<readonly ResourceInfo[]> {
  if (!["", "yaml", "json"].includes(flags.output)) throw noSuchForm(flags.output, ["json", "yaml"]);
  const { filename: filenames, recursive } = flags;
  const { infos, errors } = await selectObjects(session, { args, filenames, recursive, latest: true, subresource });
  throwAll(errors);
  return infos;
}
