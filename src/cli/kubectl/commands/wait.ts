import { isStatus } from "../../../machinery/status-error.ts";
import { defineCommand } from "../command.ts";
import { bool, duration, text } from "../flags/flag.ts";
import {
  allFlag,
  allNamespacesFlag,
  fieldSelectorFlag,
  manifestFlags,
  printFlags,
  recursiveByDefault,
  selectorFlag,
} from "../flags/shared.ts";
import { CommandError, throwAll } from "../messages.ts";
import { waitGone } from "../resources/gone.ts";
import { type AnyObject, pathOf } from "../resources/resource-info.ts";
import { selectObjects, type Targets, targetsOf } from "../resources/selection.ts";
import { type Condition, readCondition } from "../resources/wait-condition.ts";
import { resultPrinter } from "../resources/writes.ts";
import type { Session } from "../session.ts";

/** So long, in milliseconds, is "for ever". */
const week = 168 * 3_600_000;

/** `kubectl wait` */
export const wait = defineCommand({
  name: "wait",
  short: "Experimental: Wait for a specific condition on one or many resources",
  long: "Wait until objects are there, are gone, have a condition, or have a field with a value.",
  examples: `# Until a pod is ready
kubectl wait --for=condition=Ready pod/web

# Until a field has a value
kubectl wait --for=jsonpath='{.status.phase}'=Running pod/web

# Until it is gone
kubectl wait --for=delete pod/web --timeout=60s`,
  usage:
    "([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
  flags: {
    ...printFlags,
    ...manifestFlags,
    ...recursiveByDefault,
    ...selectorFlag,
    ...fieldSelectorFlag,
    ...allNamespacesFlag,
    ...allFlag(),
    for: text("create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]."),
    local: bool("Takes objects of files as they stand there."),
    timeout: duration("How long to wait; 0 looks once, less than 0 waits a week.", { default: 30_000 }),
  },
  async run({ session, args, flags }) {
    const condition = readCondition(flags.for);
    const printer = await resultPrinter(session, flags, "none");
    const timeout = flags.timeout < 0 ? week : flags.timeout;
    const end = session.host.clock.monotonic() + timeout;
    const options = {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      fieldSelector: flags["field-selector"],
      allNamespaces: flags["all-namespaces"],
      all: flags.all,
      latest: !flags.local,
      chunkSize: 500,
    };
    if (condition.form === "create") await untilCreated(session, await targetsOf(session, options), end);
    const { infos, errors: missed } = await selectObjects(session, options);
    const errors = missed.filter((error) => !(condition.form === "delete" && isStatus(error, "NotFound")));
    throwAll(errors);
    if (infos.length === 0 && condition.form !== "delete") throw new CommandError("no matching resources found");
    for (const info of infos) {
      const what = `${info.resource.plural}/${info.name}`;
      try {
        if (condition.form === "delete") {
          await waitGone(session, [{ info, uid: info.object.metadata.uid ?? "" }], {
            timeout: Math.max(0, end - session.host.clock.monotonic()),
          });
          printer.print(info.object, "condition met");
        } else {
          printer.print(await untilMet(session, info, condition, end, what), "condition met");
        }
      } catch (error) {
        errors.push(error);
      }
    }
    throwAll(errors);
  },
});

async function untilCreated(session: Session, { targets }: Targets, end: number): Promise<void> {
  for (const target of targets) {
    if (target.form === "list") continue;
    for (;;) {
      try {
        await session.api.call({ path: pathOf(target.resource, target) });
        break;
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
      if (session.host.clock.monotonic() >= end) throw new CommandError("timed out waiting for the condition");
      await session.host.clock.sleep(500, session.host.signal);
    }
  }
}

async function untilMet(
  session: Session,
  info: {
    readonly resource: Parameters<typeof pathOf>[0];
    readonly namespace: string;
    readonly name: string;
    readonly object: AnyObject;
  },
  condition: Condition,
  end: number,
  what: string,
): Promise<AnyObject> {
  if (condition.form !== "object") return info.object;
  const { resource, namespace, name } = info;
  let { object } = info;
  for (;;) {
    if (condition.met(object)) return object;
    const left = end - session.host.clock.monotonic();
    if (left <= 0) throw new CommandError(`timed out waiting for the condition on ${what}`);
    const events = session.api.watch({
      path: pathOf(resource, { namespace }),
      query: {
        watch: true,
        fieldSelector: `metadata.name=${name}`,
        resourceVersion: object.metadata.resourceVersion,
      },
      timeout: left,
    });
    try {
      for await (const { type, object: next } of events) {
        if (type === "ERROR") break;
        object = next as AnyObject;
        if (type === "DELETED") throw new CommandError(`${what} was deleted`);
        if (condition.met(object)) return object;
      }
    } catch (error) {
      // The time of the watch is over: the next turn says so.
      if (error instanceof CommandError) throw error;
    }
    object = await session.api.call<AnyObject>({ path: pathOf(resource, { namespace, name }) });
  }
}
