import { isStatus } from "../../../machinery/status-error.ts";
import { defineCommand } from "../command.ts";
import type { DescribeContext } from "../describe/describer.ts";
import { bool } from "../flags/flag.ts";
import { allNamespacesFlag, chunkSizeFlag, fileFlags, selectorFlag } from "../flags/shared.ts";
import { CommandError, throwCollected } from "../messages.ts";
import type { ResourceInfo } from "../resources/resource-info.ts";
import { selectObjects, targetsOf } from "../resources/selection.ts";
import type { Session } from "../session.ts";

/** `kubectl describe` */
export const describe = defineCommand({
  name: "describe",
  short: "Show details of a specific resource or group of resources",
  long: `Tells everything about objects that a person may want to know: their fields, what belongs to them, and the events about them.

 TYPE NAME tells of the object of that name or, where there is none, of all whose names begin so.

Use "kubectl api-resources" for a complete list of supported resources.`,
  examples: `# One node
kubectl describe nodes worker-1

# Every pod whose name begins with web, if none is called web
kubectl describe pods web

# What a file describes, as it is at the server
kubectl describe -f pod.json

# The pods with a label
kubectl describe pods -l app=web`,
  usage: "(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)",
  flags: {
    ...fileFlags,
    ...selectorFlag,
    ...allNamespacesFlag,
    ...chunkSizeFlag,
    "show-events": bool("Tells the events too.", { default: true }),
  },
  async run({ session, args, flags }) {
    if (args.length === 0 && flags.filename.length === 0 && !flags.kustomize) {
      throw new CommandError(
        'You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of supported resources.\n',
      );
    }
    const selected = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      allNamespaces: flags["all-namespaces"],
      chunkSize: flags["chunk-size"],
      typeMeansAll: true,
    });
    const context: DescribeContext = {
      api: session.api,
      now: session.host.clock.now(),
      showEvents: flags["show-events"],
      chunkSize: flags["chunk-size"],
    };
    const [missing] = selected.errors;
    if (args.length === 2 && selected.errors.length === 1 && isStatus(missing, "NotFound")) {
      return await describeByPrefix(session, args, context, missing);
    }
    const errors = [...selected.errors];
    const { describeObject } = await import("../describe/describe.ts");
    let written = false;
    for (const info of selected.infos) {
      try {
        const text = await describeObject(info, context);
        session.host.stdout.write(written ? `\n\n${text}` : text);
        written = true;
      } catch (error) {
        if (
          !(error instanceof Error) ||
          !errors.some((told) => told instanceof Error && told.message === error.message)
        ) {
          errors.push(error);
        }
      }
    }
    if (selected.infos.length === 0 && errors.length === 0) {
      session.complain(
        flags["all-namespaces"] ? "No resources found" : `No resources found in ${session.access.namespace} namespace.`,
      );
    }
    throwCollected(errors);
    return undefined;
  },
});

/** Tells of every object of the type whose name begins with the word. */
async function describeByPrefix(
  session: Session,
  [type = "", prefix = ""]: readonly string[],
  context: DescribeContext,
  missing: unknown,
): Promise<undefined> {
  const { chunkSize } = context;
  const selection = { args: [type], chunkSize, typeMeansAll: true };
  if ((await targetsOf(session, selection)).targets.length > 1) {
    throw new CommandError("you may only specify a single resource type");
  }
  const { infos, errors } = await selectObjects(session, selection);
  throwCollected(errors);
  const found: readonly ResourceInfo[] = infos.filter(({ name }) => name.startsWith(prefix));
  if (found.length === 0) throw missing;
  const { describeObject } = await import("../describe/describe.ts");
  for (const info of found) session.host.stdout.write(`${await describeObject(info, context)}\n`);
}
