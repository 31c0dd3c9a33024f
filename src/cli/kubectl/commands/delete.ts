import { isStatus } from "../../../machinery/status-error.ts";
import { defineCommand } from "../command.ts";
import { bool, duration, int, text } from "../flags/flag.ts";
import { allFlag, allNamespacesFlag, dryRunFlag, fieldSelectorFlag, fileFlags, selectorFlag } from "../flags/shared.ts";
import { CommandError, throwAll, usageError } from "../messages.ts";
import { waitGone } from "../resources/gone.ts";
import { propagationOf } from "../resources/propagation.ts";
import { type AnyObject, pathOf, type ResourceInfo, typeName } from "../resources/resource-info.ts";
import { selectObjects } from "../resources/selection.ts";
import { is2016 } from "../resources/style-2016.ts";
import { dryRunNote, dryRunOf, withSource } from "../resources/writes.ts";
import type { Session } from "../session.ts";

/** `kubectl delete` */
export const deleteCommand = defineCommand({
  name: "delete",
  short: "Delete resources by file names, stdin, resources and names, or by resources and label selector",
  long: `Delete objects: those of manifests, those that are named, or all that a selector picks.

 Pods get their time to end, unless --now or --force says otherwise. The command waits until the objects are gone.`,
  examples: `# The objects of a file
kubectl delete -f ./pod.json

# Two pods
kubectl delete pod web-0 web-1

# Everything with a label
kubectl delete pods,services -l app=web`,
  usage: "([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])",
  flags: {
    ...fileFlags,
    ...selectorFlag,
    ...fieldSelectorFlag,
    ...allNamespacesFlag,
    ...allFlag(),
    ...dryRunFlag,
    cascade: text("What happens to what the object owns: background, foreground or orphan.", {
      default: "background",
      bare: "background",
    }),
    force: bool("Takes the object away at once; what runs for it may run on."),
    "grace-period": int("Seconds to end in; -1 leaves it to the object, 0 needs --force.", { default: -1 }),
    "ignore-not-found": bool("An object that is not there is no error."),
    interactive: bool("Asks before anything is deleted.", { short: "i" }),
    now: bool("Gives one second to end."),
    output: text("name prints names only.", { short: "o" }),
    raw: text("A path at the server that DELETE is sent to."),
    timeout: duration("How long to wait for each object to go; 0 leaves that to its grace period."),
    wait: bool("Waits until the objects are gone.", { default: true }),
  },
  async run({ session, args, flags, given, path }) {
    if (flags.raw) {
      if (args.length > 0) throw usageError(path, "arguments may not be passed when --raw is specified");
      await (await import("../resources/raw.ts")).sendRaw(session, "DELETE", flags.raw, flags.filename);
      return;
    }
    const dryRun = dryRunOf(session, flags);
    const propagationPolicy = propagationOf(session, flags.cascade);
    if (flags.output !== "" && flags.output !== "name") {
      throw new CommandError(`unexpected -o output mode: ${flags.output}. We only support '-o name'`);
    }
    if (flags.all && flags.selector) throw new CommandError("setting 'all' parameter but found a non empty selector. ");
    if (flags.now && flags["grace-period"] >= 0) {
      throw new CommandError("--now and --grace-period cannot be specified together");
    }
    const grace = flags.now ? 1 : flags["grace-period"] === 0 && !flags.force ? 1 : flags["grace-period"];
    const gracePeriod = flags.force && grace < 0 ? 0 : grace;
    if (gracePeriod === 0 && flags.force) {
      session.warn(
        "Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.",
      );
    }
    const many = flags.all || Boolean(flags.selector) || Boolean(flags["field-selector"]);
    const ignoreMissing = flags["ignore-not-found"] || (flags.all && !given.has("ignore-not-found"));
    const selected = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      fieldSelector: flags["field-selector"],
      allNamespaces: flags["all-namespaces"],
      all: flags.all,
      chunkSize: 500,
    });
    const errors = selected.errors.filter((error) => !(ignoreMissing && isStatus(error, "NotFound")));
    if (flags.interactive && !(await confirmed(session, selected.infos))) return;
    const gone: { readonly info: ResourceInfo; readonly uid: string }[] = [];
    let found = 0;
    for (const info of selected.infos) {
      found += 1;
      try {
        const old = is2016(session.host);
        const name = `${old ? info.resource.kind.toLowerCase() : typeName(info.resource)} "${info.name}"`;
        if (dryRun !== "client") {
          const answer = await session.api.call<AnyObject>({
            method: "DELETE",
            path: pathOf(info.resource, info),
            body: {
              apiVersion: "v1",
              kind: "DeleteOptions",
              propagationPolicy,
              ...(gracePeriod >= 0 ? { gracePeriodSeconds: gracePeriod } : {}),
              ...(dryRun === "server" ? { dryRun: ["All"] } : {}),
            },
          });
          const details = answer.details as { readonly uid?: string } | undefined;
          gone.push({ info, uid: answer.metadata?.uid ?? details?.uid ?? "" });
        }
        if (flags.output === "name") session.say(`${typeName(info.resource)}/${info.name}`);
        else {
          const done = gracePeriod === 0 ? "force deleted" : "deleted";
          const where = info.resource.namespaced && !old ? ` from ${info.namespace} namespace` : "";
          session.say(`${name} ${done}${dryRunNote(dryRun)}${where}`);
        }
      } catch (error) {
        if (!(ignoreMissing && isStatus(error, "NotFound"))) errors.push(withSource(error, "deleting", info.source));
      }
    }
    if (found === 0 && errors.length === 0 && many) session.say("No resources found");
    throwAll(errors);
    if (flags.wait && dryRun === "none") {
      await waitGone(session, gone, { timeout: flags.timeout === 0 ? 168 * 3_600_000 : flags.timeout });
    }
  },
});

async function confirmed(session: Session, infos: readonly ResourceInfo[]): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  session.say(`You are about to delete the following ${infos.length} resource(s):`);
  for (const { resource, name } of infos) session.say(`${typeName(resource)}/${name}`);
  session.host.stdout.write("Do you want to continue? (y/n): ");
  const reader = createInterface({ input: session.host.stdin });
  try {
    for await (const line of reader) {
      if (/^y(es)?$/i.test(line.trim())) return true;
      break;
    }
  } finally {
    reader.close();
  }
  session.say("deletion is cancelled");
  return false;
}
