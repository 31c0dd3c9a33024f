import type { PodTemplateSpec } from "../../../../api/generated/core-v1.ts";
import { isEqual } from "../../../../machinery/equality.ts";
import { defineCommand } from "../../command.ts";
import { int } from "../../flags/flag.ts";
import { dryRunFlag, fieldManagerFlag, fileFlags, printFlags, selectorFlag } from "../../flags/shared.ts";
import { CommandError, throwCollected } from "../../messages.ts";
import { type AnyObject, pathOf, pluralName, type ResourceInfo } from "../../resources/resource-info.ts";
import { forEachObject, selectObjects } from "../../resources/selection.ts";
import { dryRunOf, lastApplied, resultPrinter, writeQuery } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { pickRevision, type Revision, revisionAnnotation, revisionsOf } from "./revisions.ts";
import { templateOf, templateText } from "./template.ts";

const sharedFlags = { ...printFlags, ...fileFlags, ...selectorFlag, ...fieldManagerFlag("kubectl-rollout") } as const;

interface RolloutFlags {
  readonly filename: readonly string[];
  readonly recursive: boolean;
  readonly selector: string;
}

async function workloads(session: Session, args: readonly string[], flags: RolloutFlags) {
  if (args.length === 0 && flags.filename.length === 0) throw new CommandError("required resource not specified");
  const selected = await selectObjects(session, {
    args,
    filenames: flags.filename,
    recursive: flags.recursive,
    labelSelector: flags.selector,
    typeMeansAll: true,
    latest: true,
  });
  if (selected.infos.length === 0) throwCollected(selected.errors);
  return selected;
}

async function patched(session: Session, info: ResourceInfo, fieldManager: string, body: object): Promise<AnyObject> {
  return await session.api.call<AnyObject>({
    method: "PATCH",
    path: pathOf(info.resource, info),
    query: writeQuery({ fieldManager }),
    contentType: "application/strategic-merge-patch+json",
    body,
  });
}

const nameOf = ({ resource, name }: ResourceInfo) => `${pluralName(resource)} ${JSON.stringify(name)}`;
const isPaused = ({ object }: ResourceInfo) => (object.spec as { readonly paused?: boolean }).paused === true;

const restartAnnotation = "kubectl.kubernetes.io/restartedAt";

/** `kubectl rollout restart` */
export const restart = defineCommand({
  name: "restart",
  short: "Restart a resource",
  long: "Replace all pods of a deployment, daemon set or stateful set by new ones, in the way that it rolls out changes.",
  usage: "RESOURCE",
  flags: sharedFlags,
  async run({ session, args, flags }) {
    const printer = await resultPrinter(session, flags, "none");
    await forEachObject(await workloads(session, args, flags), async (info) => {
      if (!["Deployment", "DaemonSet", "StatefulSet"].includes(info.object.kind)) {
        throw new CommandError(`${nameOf(info)} restarting is not supported`);
      }
      if (isPaused(info)) {
        throw new CommandError(`${nameOf(info)} can't restart paused deployment (run rollout resume first)`);
      }
      const now = new Date(session.host.clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
      const annotations = { [restartAnnotation]: now };
      const { template } = info.object.spec as { readonly template?: PodTemplateSpec };
      if (template?.metadata?.annotations?.[restartAnnotation] === now) {
        throw new CommandError(
          `failed to create patch for ${info.name}: if restart has already been triggered within the past second, please wait before attempting to trigger another`,
        );
      }
      const body = { spec: { template: { metadata: { annotations } } } };
      printer.print(await patched(session, info, flags["field-manager"], body), "restarted");
    });
  },
});

/** Holds a deployment, or lets it go on. */
function holding(told: {
  readonly name: "pause" | "resume";
  readonly short: string;
  readonly long: string;
  readonly paused: boolean;
}) {
  const { name, paused, ...help } = told;
  const [doing, done, already] = paused
    ? (["pausing", "paused", "is already paused"] as const)
    : (["resuming", "resumed", "is not paused"] as const);
  return defineCommand({
    name,
    ...help,
    usage: "RESOURCE",
    flags: sharedFlags,
    async run({ session, args, flags }) {
      const printer = await resultPrinter(session, flags, "none");
      await forEachObject(await workloads(session, args, flags), async (info) => {
        if (info.object.kind !== "Deployment") throw new CommandError(`${nameOf(info)} ${doing} is not supported`);
        if (isPaused(info) === paused) throw new CommandError(`${nameOf(info)} ${already}`);
        const body = { spec: { paused: paused ? true : null } };
        printer.print(await patched(session, info, flags["field-manager"], body), done);
      });
    },
  });
}

/** `kubectl rollout pause` */
export const pause = holding({
  name: "pause",
  short: "Mark the provided resource as paused",
  long: "Hold a deployment's roll-out: changes wait until it is resumed.",
  paused: true,
});

/** `kubectl rollout resume` */
export const resume = holding({
  name: "resume",
  short: "Resume a paused resource",
  long: "Let a paused deployment's roll-out go on.",
  paused: false,
});

/** `kubectl rollout undo` */
export const undo = defineCommand({
  name: "undo",
  short: "Undo a previous rollout",
  long: "Go back to the form before, or to the one that --to-revision names.",
  usage: "(TYPE NAME | TYPE/NAME) [flags]",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...selectorFlag,
    ...dryRunFlag,
    "to-revision": int("The revision to go back to; 0 is the one before.", { bits: 64 }),
  },
  async run({ session, args, flags }) {
    const dryRun = dryRunOf(session, flags);
    const printer = await resultPrinter(session, flags, dryRun);
    await forEachObject(await workloads(session, args, flags), async (info) => {
      const { object } = info;
      const revisions = await revisionsOf(session, info, "rollbacker");
      const to = flags["to-revision"];
      if (object.kind === "Deployment" && revisions.length === 0) {
        throw new CommandError(`no rollout history found for deployment ${JSON.stringify(info.name)}`);
      }
      const found = pickRevision(revisions, to);
      if (!found)
        throw new CommandError(
          to > 0 ? `unable to find specified revision ${to} in history` : "no last revision to roll back to",
        );
      if (dryRun === "client") {
        const start = object.kind === "Deployment" ? "" : "will roll back to ";
        printer.print(object, start + templateText(object, found, { cause: false }));
        return;
      }
      if (isPaused(info)) {
        throw new CommandError(
          "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again",
        );
      }
      const template = templateOf(object, found);
      const { template: now } = object.spec as { readonly template: object };
      if (isEqual(now, template)) {
        printer.print(object, `skipped rollback (current template already matches revision ${found.number})`);
        return;
      }
      await session.api.call({
        method: "PATCH",
        path: pathOf(info.resource, info),
        query: writeQuery({ dryRun, fieldManager: "kubectl-rollout" }),
        ...(object.kind === "Deployment"
          ? { contentType: "application/json-patch+json", body: rollbackPatch(object, found, template) }
          : { contentType: "application/strategic-merge-patch+json", body: found.object.data }),
      });
      printer.print(object, "rolled back");
    });
  },
});

/** Annotations that say something about the object that they stand on. */
const ownAnnotations = new Set([
  lastApplied,
  revisionAnnotation,
  "deployment.kubernetes.io/revision-history",
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  "deprecated.deployment.rollback.to",
]);

function rollbackPatch(deployment: AnyObject, { object }: Revision, template: object): readonly object[] {
  const kept = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => ownAnnotations.has(key));
  const brought = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => !ownAnnotations.has(key));
  return [
    { op: "replace", path: "/spec/template", value: template },
    { op: "replace", path: "/metadata/annotations", value: Object.fromEntries([...kept, ...brought]) },
  ];
}
