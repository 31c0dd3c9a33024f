import { type Command, defineCommand } from "../../command.ts";
import { dryRunFlag, selectorFlag } from "../../flags/shared.ts";
import { usageError } from "../../messages.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "../../resources/resource-info.ts";
import { forEachObject, selectObjects } from "../../resources/selection.ts";
import { type DryRun, dryRunNote, dryRunOf, writeQuery } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";

function marking(name: "cordon" | "uncordon", unschedulable: boolean): Command {
  return defineCommand({
    name,
    short: `Mark node as ${unschedulable ? "unschedulable" : "schedulable"}`,
    long: unschedulable ? "No new pods come onto a node." : "New pods may come onto a node again.",
    examples: `# The node foo\nkubectl ${name} foo`,
    usage: "NODE",
    flags: { ...dryRunFlag, ...selectorFlag },
    async run({ session, args, flags, path }) {
      const selected = await nodesOf(session, args, flags.selector, path, name);
      const dryRun = dryRunOf(session, flags);
      await forEachObject(selected, (node) => mark(session, node, unschedulable, dryRun));
    },
  });
}

/** `kubectl cordon` */
export const cordon = marking("cordon", true);
/** `kubectl uncordon` */
export const uncordon = marking("uncordon", false);

/** The nodes that a command line names or selects. Throws CommandError. */
export async function nodesOf(
  session: Session,
  args: readonly string[],
  selector: string,
  path: string,
  verb: string,
): ReturnType<typeof selectObjects> {
  if (args.length === 0 && selector === "") throw usageError(path, `USAGE: ${verb} NODE [flags]`);
  if (args.length > 0 && selector !== "") {
    throw usageError(path, "cannot specify both a node name and a --selector option");
  }
  const words = args.length === 0 ? ["nodes"] : args.map((word) => (word.includes("/") ? word : `nodes/${word}`));
  return await selectObjects(session, { args: words, labelSelector: selector, latest: true });
}

/** Lets new pods onto a node, or not, and says so. */
export async function mark(
  session: Session,
  node: ResourceInfo,
  unschedulable: boolean,
  dryRun: DryRun,
): Promise<void> {
  const spec = (node.object.spec ?? {}) as { readonly unschedulable?: boolean };
  const done = unschedulable ? "cordoned" : "uncordoned";
  const note = dryRunNote(dryRun);
  if ((spec.unschedulable ?? false) === unschedulable) {
    session.say(`node/${node.name} already ${done}${note}`);
    return;
  }
  if (dryRun !== "client") {
    await session.api.call<AnyObject>({
      method: "PATCH",
      path: pathOf(node.resource, { name: node.name }),
      query: writeQuery({ dryRun }),
      contentType: "application/strategic-merge-patch+json",
      body: { spec: { unschedulable: unschedulable ? true : null } },
    });
  }
  session.say(`node/${node.name} ${done}${note}`);
}
