import { defineCommand } from "../../command.ts";
import { bool } from "../../flags/flag.ts";
import { allFlag, dryRunFlag, fieldManagerFlag, printFlags, selectorFlag, validateFlag } from "../../flags/shared.ts";
import { CommandError, NoResourceMatch, usageError } from "../../messages.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import { forEachObject, selectObjects } from "../../resources/selection.ts";
import { dryRunOf, resultPrinter, writeQuery } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { changeTaints, readTaints, type Taint, type TaintChanges } from "./taint-words.ts";

/** `kubectl taint` */
export const taint = defineCommand({
  name: "taint",
  short: "Update the taints on one or more nodes",
  long: `Changes the taints of nodes: key=value:effect, or key:effect, sets one; key:effect- or key- takes away.

 The effect is NoSchedule, PreferNoSchedule or NoExecute.`,
  examples: `# Only pods that tolerate it come onto the node foo
kubectl taint nodes foo dedicated=special-user:NoSchedule

# Taken away again
kubectl taint nodes foo dedicated:NoSchedule-`,
  usage: "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
  flags: {
    ...printFlags,
    ...selectorFlag,
    ...dryRunFlag,
    ...validateFlag,
    ...fieldManagerFlag("kubectl-taint"),
    ...allFlag("Every node of the cluster."),
    overwrite: bool("Lets a taint be changed that is there already."),
  },
  async run({ session, args, flags, path }) {
    const isTaint = (word: string) => /[=:]/.test(word) || word.endsWith("-");
    const first = args.findIndex(isTaint);
    const words = first < 0 ? [] : args.slice(first);
    const resources = first < 0 ? args : args.slice(0, first);
    const stray = words.find((word) => !isTaint(word));
    if (stray !== undefined) {
      throw new CommandError(`all resources must be specified before taint changes: ${stray}`);
    }
    if (resources.length < 1) throw new CommandError("one or more resources must be specified as <resource> <name>");
    if (words.length === 0) throw new CommandError("at least one taint update is required");
    const [type = "", ...names] = resources;
    if ((await typeOf(session, type.split("/")[0] ?? "")) !== "nodes")
      throw new CommandError(`invalid resource type ${type}, only node types are supported`);
    if (flags.all && flags.selector) {
      throw new CommandError("setting 'all' parameter with a non empty selector is prohibited");
    }
    const changes = readOrExplain(words, path);
    const both = changes.removed.filter(({ key, effect }) =>
      changes.set.some((one) => one.key === key && (effect === "" || one.effect === effect)),
    );
    if (both.length > 0) {
      const names = both.map(({ key, effect }) => `${key}=${effect}`).join(", ");
      throw new CommandError(`can not both modify and remove the following taint(s) in the same command: ${names}`);
    }
    const dryRun = dryRunOf(session, flags);
    const printer = await resultPrinter(session, flags, "none");
    const selected = await selectObjects(session, {
      args: names.length > 0 || type.includes("/") ? resources : ["nodes"],
      labelSelector: flags.selector,
      all: flags.all,
      latest: true,
    });
    await forEachObject(selected, async ({ resource, name, object }) => {
      const { taints, done } = changeTaints(name, taintsOf(object), changes, flags.overwrite);
      const changed = { ...object, spec: { ...(object.spec as object), taints } };
      const printed =
        dryRun === "client"
          ? changed
          : await session.api.call<AnyObject>({
              method: "PATCH",
              path: pathOf(resource, { name }),
              query: writeQuery({ dryRun, fieldManager: flags["field-manager"] }),
              contentType: "application/strategic-merge-patch+json",
              body: { spec: { taints: taints.length > 0 ? taints : null } },
            });
      printer.print(printed, done);
    });
  },
});

function taintsOf({ spec }: AnyObject): readonly Taint[] {
  return (spec as { readonly taints?: readonly Taint[] } | undefined)?.taints ?? [];
}

function readOrExplain(words: readonly string[], path: string): TaintChanges {
  try {
    return readTaints(words);
  } catch (error) {
    throw error instanceof CommandError ? usageError(path, error.message) : error;
  }
}

/** The resource type; a word that is none is told without much ado. */
async function typeOf(session: Session, word: string): Promise<string> {
  try {
    return (await (await session.mapper()).resource(word)).plural;
  } catch (error) {
    throw error instanceof NoResourceMatch ? new CommandError(error.message, { verbatim: true }) : error;
  }
}
