import { defineCommand } from "../../command.ts";
import { bool, duration, int, text } from "../../flags/flag.ts";
import { goDuration } from "../../flags/go-values.ts";
import { chunkSizeFlag, dryRunFlag, selectorFlag } from "../../flags/shared.ts";
import { CommandError, throwAll } from "../../messages.ts";
import type { AnyObject, ResourceInfo } from "../../resources/resource-info.ts";
import { dryRunNote, dryRunOf } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { mark, nodesOf } from "./cordon.ts";
import { type DrainFlags, sortPods } from "./drainable-pods.ts";
import { removePods } from "./remove-pods.ts";

/** `kubectl drain` */
export const drain = defineCommand({
  name: "drain",
  short: "Drain node in preparation for maintenance",
  long: `Takes a node out of use: no new pods come onto it, and those that are there are evicted, as their disruption budgets allow.

 Pods of DaemonSets stay, which must be agreed to by --ignore-daemonsets. Pods that nobody would make again, and pods with data of their own, go only with --force and --delete-emptydir-data. "kubectl uncordon" puts the node back to use.`,
  examples: `# The node foo, with pods that nobody makes again
kubectl drain foo --force

# With fifteen minutes for each pod to end
kubectl drain foo --grace-period=900`,
  usage: "NODE",
  flags: {
    ...dryRunFlag,
    ...selectorFlag,
    ...chunkSizeFlag,
    "delete-emptydir-data": bool("Pods with emptyDir volumes go too, and their data with them."),
    "disable-eviction": bool("Deletes pods, disruption budgets or not."),
    force: bool("Pods that no controller makes again go too."),
    "grace-period": int("Seconds that each pod gets to end; negative for its own.", { default: -1 }),
    "ignore-daemonsets": bool("Pods of DaemonSets may stay."),
    "pod-selector": text("Only the pods that these labels select go."),
    "skip-wait-for-delete-timeout": int("Does not wait for pods that have been ending for longer, in seconds."),
    timeout: duration("Gives up after so long; 0 never."),
  },
  async run({ session, args, flags, path }) {
    const selected = await nodesOf(session, args, flags.selector, path, "drain");
    const dryRun = dryRunOf(session, flags);
    throwAll(selected.errors);
    for (const node of selected.infos) await mark(session, node, true, dryRun);
    const errors: unknown[] = [];
    const left: string[] = [];
    for (const node of selected.infos) {
      try {
        await drainNode(session, node, flags);
        session.say(`node/${node.name} drained${dryRunNote(dryRun)}`);
      } catch (error) {
        errors.push(error);
        left.push(node.name);
        session.complain(
          `error: unable to drain node ${JSON.stringify(node.name)} due to error: ${allText(error)}, continuing command...`,
        );
      }
    }
    if (left.length > 0) {
      session.complain("There are pending nodes to be drained:");
      for (const name of left) session.complain(` ${name}`);
    }
    throwAll(errors.flatMap((error) => (error instanceof AggregateError ? error.errors : [error])));
  },
});

async function drainNode(session: Session, node: ResourceInfo, flags: DrainFlags): Promise<void> {
  const { items = [] } = await session.api.call<AnyObject & { readonly items?: readonly AnyObject[] }>({
    path: "/api/v1/pods",
    query: { fieldSelector: `spec.nodeName=${node.name}`, labelSelector: flags["pod-selector"] },
  });
  const { going, refusals, warnings } = await sortPods(session, items, flags);
  throwAll(refusals);
  if (warnings) session.complain(`Warning: ${warnings}`);
  const dryRun = dryRunOf(session, flags);
  if (dryRun === "client") {
    for (const { metadata } of going) {
      session.say(`evicting pod ${metadata.namespace}/${metadata.name}${dryRunNote(dryRun)}`);
    }
    return;
  }
  const ending = new AbortController();
  const timer = flags.timeout > 0 ? session.host.clock.after(flags.timeout, () => ending.abort()) : undefined;
  try {
    await removePods(session, going, { flags, dryRun, signal: AbortSignal.any([ending.signal, session.host.signal]) });
  } catch (error) {
    if (!ending.signal.aborted) throw error;
    throw new CommandError(`drain did not complete within ${goDuration(flags.timeout)}`);
  } finally {
    timer?.[Symbol.dispose]();
  }
}

/** Several errors as Go's aggregates tell them. */
function allText(error: unknown): string {
  if (error instanceof AggregateError) return `[${error.errors.map((one) => (one as Error).message).join(", ")}]`;
  return (error as Error).message;
}
