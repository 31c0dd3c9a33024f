import { isEqual } from "../../../../machinery/equality.ts";
import { createMergePatch } from "../../../../machinery/patch-merge.ts";
import type { ValuesOf } from "../../flags/flag.ts";
import { bool } from "../../flags/flag.ts";
import {
  allFlag,
  dryRunFlag,
  fieldManagerFlag,
  fileFlags,
  manifestFlags,
  printFlags,
  recordFlag,
  selectorFlag,
} from "../../flags/shared.ts";
import { throwAll } from "../../messages.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "../../resources/resource-info.ts";
import { selectObjects } from "../../resources/selection.ts";
import { dryRunOf, resultPrinter, writeQuery } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";

/** Flags of commands that change objects in one respect, and read no kustomizations. */
export const manifestChangeFlags = {
  ...printFlags,
  ...manifestFlags,
  ...allFlag(),
  ...dryRunFlag,
  ...recordFlag,
  ...fieldManagerFlag("kubectl-set"),
  local: bool("Changes what the file says and prints it, without asking the server."),
} as const;

/** Flags of every command that changes objects of several kinds in one respect. */
export const changeFlags = { ...manifestChangeFlags, ...fileFlags, ...selectorFlag } as const;

export interface ObjectChange {
  readonly args: readonly string[];
  /** What is told behind the object's name. */
  readonly done: string;
  /** The object as it has to be. Throws CommandError. */
  change(info: ResourceInfo): AnyObject | Promise<AnyObject>;
  readonly namedNothing?: string;
}

/** Changes each object that the command line means, one patch each; what is as it should be is left alone. */
export async function changeObjects(
  session: Session,
  flags: ValuesOf<typeof manifestChangeFlags> & { readonly selector?: string },
  { args, done, change }: ObjectChange,
): Promise<void> {
  const dryRun = dryRunOf(session, flags);
  const printer = await resultPrinter(session, flags, dryRun);
  const selected = await selectObjects(session, {
    args,
    filenames: flags.filename,
    recursive: flags.recursive,
    labelSelector: flags.selector,
    all: flags.all,
    latest: !flags.local,
    local: flags.local,
  });
  throwAll(selected.errors);
  const errors: unknown[] = [];
  for (const info of selected.infos) {
    try {
      const after = await change(info);
      if (flags.local || dryRun === "client") {
        printer.print(after, done);
        continue;
      }
      if (isEqual(after, info.object)) continue;
      const changed = await session.api.call<AnyObject>({
        method: "PATCH",
        path: pathOf(info.resource, info),
        query: writeQuery({ dryRun, fieldManager: flags["field-manager"] }),
        contentType: "application/merge-patch+json",
        body: createMergePatch(info.object, after),
      });
      printer.print(changed, done);
    } catch (error) {
      errors.push(error);
    }
  }
  throwAll(errors);
}
