import { defineCommand } from "../../command.ts";
import { bool, duration, text } from "../../flags/flag.ts";
import { dryRunFlag, fileFlags } from "../../flags/shared.ts";
import { CommandError, usageError } from "../../messages.ts";
import { manifestTargetsOf } from "../../resources/selection.ts";
import { dryRunOf } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import {
  type Controller,
  Controllers,
  desiredReplicas,
  originalReplicas,
  templateHash,
  updateSource,
  withImage,
} from "./controllers.ts";
import { exchange } from "./update.ts";

/** `kubectl rolling-update`, as kubectl 1.2 had it. */
export const rollingUpdate = defineCommand({
  name: "rolling-update",
  short: "Perform a rolling update of the given ReplicationController (as in 2016)",
  long: `Replaces a replication controller by another, pod by pod: the new one grows by one, and when its pod is ready the old one shrinks by one.

 The new one comes from a file, or is the old one with another image. Deployments do the same at the server, whoever looks on.`,
  examples: `# To the controller of a file
kubectl rolling-update frontend-v1 -f frontend-v2.json

# To another image, under the same name
kubectl rolling-update frontend --image=image:v2

# Back, while it is under way
kubectl rolling-update frontend-v1 frontend-v2 --rollback`,
  usage: "OLD_CONTROLLER_NAME ([NEW_CONTROLLER_NAME] --image=NEW_CONTAINER_IMAGE | -f NEW_CONTROLLER_SPEC)",
  flags: {
    ...fileFlags,
    ...dryRunFlag,
    container: text("The container that gets the image, where a pod has several."),
    "deployment-label-key": text("The label that tells old pods from new ones.", { default: "deployment" }),
    image: text("The image that the new controller's pods run."),
    "image-pull-policy": text("Always, IfNotPresent or Never."),
    "poll-interval": duration("How often to look whether pods are ready.", { default: 3000 }),
    rollback: bool("Goes back to the old controller from an update that is under way."),
    timeout: duration("How long a step may take.", { default: 300_000 }),
    "update-period": duration("How long to wait between steps.", { default: 60_000 }),
  },
  async run({ session, args, flags, path }) {
    const [oldName, newName = "", ...more] = args;
    if (oldName === undefined || more.length > 0) throw usageError(path, "Must specify the controller to update");
    const [file, ...files] = flags.filename;
    if (!file && !flags.image && !flags.rollback) {
      throw usageError(path, "Must specify --filename or --image for new controller");
    }
    if (file && flags.image) throw usageError(path, "--filename and --image can not both be specified");
    if (files.length > 0) throw usageError(path, "May only specify a single filename for new controller");
    const controllers = new Controllers(session);
    const old = await controllers.get(oldName);
    const rename = !file && newName === "";
    const underWay = flags.rollback && !file && !flags.image ? await successorOf(controllers, old, newName) : undefined;
    const wanted =
      underWay ??
      (file
        ? await controllerIn(session, file)
        : (withImage(old, {
            name: newName,
            image: flags.image,
            container: flags.container,
            label: flags["deployment-label-key"],
            pullPolicy: flags["image-pull-policy"],
          }) as Controller));
    const { name } = wanted.metadata;
    if (name === oldName) {
      throw new CommandError(`${file} cannot have the same name as the existing ReplicationController ${oldName}`);
    }
    if (file && isSame(wanted.spec.selector, old.spec.selector)) {
      throw new CommandError(`${file} must specify a matching key with non-equal value in Selector for ${oldName}`);
    }
    const desired = wanted.spec.replicas ?? old.spec.replicas ?? 1;
    if (dryRunOf(session, flags) !== "none") {
      session.say(`Rolling from:\n${JSON.stringify(old, undefined, 2)}\nTo:\n${JSON.stringify(wanted, undefined, 2)}`);
      return;
    }
    const options = {
      period: flags["update-period"],
      poll: flags["poll-interval"],
      timeout: flags.timeout,
    };
    if (flags.rollback) {
      const found = await controllers.find(name);
      if (!found) throw new CommandError(`Could not find ${name} to rollback.`);
      const before = Number(old.metadata.annotations?.[originalReplicas] ?? Math.max(old.spec.replicas ?? 0, desired));
      session.say(`Setting "${oldName}" replicas to ${before}`);
      await exchange(session, controllers, { from: name, to: oldName, desired: before }, { ...options, rename: false });
      session.say(`replicationcontroller "${oldName}" rolling updated`);
      return;
    }
    const there = await controllers.find(name);
    if (there) session.say(`Found existing update in progress (${name}), resuming.`);
    else {
      if (!file) await labelOld(controllers, old, flags["deployment-label-key"]);
      await controllers.create({
        ...wanted,
        metadata: {
          ...wanted.metadata,
          annotations: {
            ...wanted.metadata.annotations,
            [desiredReplicas]: String(desired),
            [updateSource]: `${oldName}:${old.metadata.uid ?? ""}`,
          },
        },
        spec: { ...wanted.spec, replicas: 0 },
      });
      session.say(`Created ${name}`);
    }
    const goal = Number(there?.metadata.annotations?.[desiredReplicas] ?? desired);
    await exchange(session, controllers, { from: oldName, to: name, desired: goal }, { ...options, rename });
    session.say(`replicationcontroller "${oldName}" rolling updated${rename ? "" : ` to "${name}"`}`);
  },
});

const isSame = (a: object | undefined, b: object | undefined) =>
  JSON.stringify(Object.entries(a ?? {}).sort()) === JSON.stringify(Object.entries(b ?? {}).sort());

/** The controller that an update under way leads to. Throws CommandError. */
async function successorOf(controllers: Controllers, old: Controller, name: string): Promise<Controller> {
  const found = name ? await controllers.find(name) : await controllers.updateOf(old);
  if (!found) throw new CommandError(`Could not find ${name || `an update of ${old.metadata.name}`} to rollback.`);
  return found;
}

async function controllerIn(session: Session, file: string): Promise<Controller> {
  for await (const target of manifestTargetsOf(session, { filenames: [file] })) {
    if (target instanceof Error) throw target;
    if (target.object.kind !== "ReplicationController") {
      throw new CommandError(`${file} contains a ${target.object.kind} not a ReplicationController`);
    }
    return target.object as Controller;
  }
  throw new CommandError(`${file} contains no ReplicationController`);
}

/** The old controller's pods get a label of their own, so that the two do not take each other's. */
async function labelOld(controllers: Controllers, old: Controller, label: string): Promise<void> {
  const { selector = {}, template } = old.spec;
  if (selector[label]) return;
  const hash = { [label]: templateHash(old) };
  const labels = { ...template.metadata?.labels, ...hash };
  await controllers.change(old.metadata.name, { spec: { template: { metadata: { labels } } } });
  for (const pod of await controllers.podsOf(old)) await controllers.labelPod(pod.metadata.name ?? "", hash);
  // Pods that came in between have the label from the template.
  await controllers.change(old.metadata.name, { spec: { selector: { ...selector, ...hash } } });
}
