import { isStatus } from "../../../machinery/status-error.ts";
import { defineCommand } from "../command.ts";
import { duration, int, text } from "../flags/flag.ts";
import { allFlag, dryRunFlag, fileFlags, printFlags, recordFlag, selectorFlag } from "../flags/shared.ts";
import { CommandError, throwAll } from "../messages.ts";
import { type AnyObject, pathOf, type ResourceInfo } from "../resources/resource-info.ts";
import { selectObjects } from "../resources/selection.ts";
import { dryRunOf, resultPrinter, writeQuery } from "../resources/writes.ts";
import type { Session } from "../session.ts";

/** `kubectl scale` */
export const scale = defineCommand({
  name: "scale",
  short: "Set a new size for a deployment, replica set, or replication controller",
  long: `Set how many pods a deployment, replica set, replication controller or stateful set has.

 With --current-replicas or --resource-version nothing happens unless that is how things stand.`,
  examples: `# Three pods
kubectl scale --replicas=3 deployment/web

# Three, if there are two now
kubectl scale --current-replicas=2 --replicas=3 deployment/web`,
  usage: "[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)",
  required: ["replicas"],
  flags: {
    ...printFlags,
    ...fileFlags,
    ...selectorFlag,
    ...allFlag(),
    ...dryRunFlag,
    ...recordFlag,
    replicas: int("The new number.", { bits: 64 }),
    "current-replicas": int("Only if this is the number now; -1 for any.", { default: -1 }),
    "resource-version": text("Only if the object is still at this version."),
    timeout: duration("How long to wait until the number is reached; 0 does not wait."),
  },
  async run({ session, args, flags }) {
    if (flags.replicas < 0) {
      throw new CommandError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
    }
    const dryRun = dryRunOf(session, flags);
    const printer = await resultPrinter(session, flags, dryRun);
    const { infos, errors: missed } = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      all: flags.all,
      latest: true,
    });
    const errors: unknown[] = [...missed];
    if (infos.length === 0) {
      const why = errors.map((error) => (error as Error).message).join(", ");
      throw new CommandError(`no objects passed to scale ${why}`);
    }
    if (flags["resource-version"] && infos.length > 1) {
      throw new CommandError("cannot use --resource-version with multiple resources");
    }
    for (const info of infos) {
      try {
        if (dryRun !== "client") await scaleOne(session, info, flags, dryRun);
        printer.print(info.object, "scaled");
        if (flags.timeout > 0 && dryRun === "none") await reached(session, info, flags.replicas, flags.timeout);
      } catch (error) {
        errors.push(error);
      }
    }
    throwAll(errors);
  },
});

interface ScaleFlags {
  readonly replicas: number;
  readonly "current-replicas": number;
  readonly "resource-version": string;
}

async function scaleOne(
  session: Session,
  info: ResourceInfo,
  flags: ScaleFlags,
  dryRun: "none" | "server",
): Promise<void> {
  const path = pathOf(info.resource, info, "scale");
  const query = writeQuery({ dryRun });
  if (flags["current-replicas"] < 0 && !flags["resource-version"]) {
    const body = { spec: { replicas: flags.replicas } };
    await session.api.call({ method: "PATCH", path, query, body, contentType: "application/merge-patch+json" });
    return;
  }
  for (;;) {
    const now = await session.api.call<AnyObject>({ path });
    const { replicas = 0 } = (now.spec ?? {}) as { readonly replicas?: number };
    if (flags["current-replicas"] >= 0 && replicas !== flags["current-replicas"]) {
      throw new CommandError(`Expected replicas to be ${flags["current-replicas"]}, was ${replicas}`);
    }
    const version = String(now.metadata.resourceVersion);
    if (flags["resource-version"] && version !== flags["resource-version"]) {
      throw new CommandError(`Expected resource version to be ${flags["resource-version"]}, was ${version}`);
    }
    try {
      await session.api.call({ method: "PUT", path, query, body: { ...now, spec: { replicas: flags.replicas } } });
      return;
    } catch (error) {
      // Somebody else wrote in between: what holds now decides.
      if (!isStatus(error, "Conflict")) throw error;
    }
  }
}

async function reached(session: Session, info: ResourceInfo, replicas: number, timeout: number): Promise<void> {
  const end = session.host.clock.monotonic() + timeout;
  while (session.host.clock.monotonic() < end) {
    const now = await session.api.call<AnyObject>({ path: pathOf(info.resource, info, "scale") });
    const { replicas: there = 0 } = (now.status ?? {}) as { readonly replicas?: number };
    if (there === replicas) return;
    await session.host.clock.sleep(500, session.host.signal);
  }
  throw new CommandError("timed out waiting for the condition");
}
