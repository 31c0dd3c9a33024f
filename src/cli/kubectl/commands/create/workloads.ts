import { int, list, text } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import { generatorCommand, kindRef } from "./generator.ts";

/** `kubectl create deployment` */
export const deployment = generatorCommand({
  name: "deployment",
  aliases: ["deploy"],
  short: "Create a deployment with the specified name",
  usage: "NAME --image=image -- [COMMAND] [args...]",
  examples: `# A deployment of three pods that listen on a port
kubectl create deployment web --image=nginx --replicas=3 --port=80

# A deployment that runs a command
kubectl create deployment sleeper --image=busybox -- sleep 3600`,
  flags: {
    image: list("The image of a container; several make a container each."),
    port: int("The port that the container listens on.", { default: -1, bits: 32 }),
    replicas: int("How many pods.", { default: 1, short: "r", bits: 32 }),
  },
  required: ["image"],
  kind: kindRef("apps/v1", "Deployment", "deployments"),
  failure: "failed to create deployment: ",
  takesCommand: true,
  async make({ flags, name, command }) {
    if (command.length > 0 && flags.image.length > 1) {
      throw new CommandError("cannot specify multiple --image options and command");
    }
    const labels = { app: name };
    const containers = flags.image.map((image, at) => ({
      image,
      name: containerName(image),
      ...(command.length > 0 ? { command } : {}),
      ...(flags.port >= 0 && at === 0 ? { ports: [{ containerPort: flags.port }] } : {}),
      resources: {},
    }));
    return {
      metadata: { name, labels },
      spec: {
        replicas: flags.replicas,
        selector: { matchLabels: labels },
        strategy: {},
        template: { metadata: { labels }, spec: { containers } },
      },
      status: {},
    };
  },
});

/** What a container of an image is called: the last part of its path, without tag and digest. */
function containerName(image: string): string {
  const last = image.split("/").at(-1) ?? "";
  return last
    .split(":")[0]!
    .split("@")[0]!
    .toLowerCase()
    .replace(/[^-a-z0-9]/g, "-");
}

const jobKind = kindRef("batch/v1", "Job", "jobs");
const cronJobKind = kindRef("batch/v1", "CronJob", "cronjobs");

/** `kubectl create job` */
export const job = generatorCommand({
  name: "job",
  short: "Create a job with the specified name",
  usage: "NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
  flags: {
    image: text("The image to run."),
    from: text("A CronJob (cronjob/NAME) whose job is made now."),
  },
  kind: jobKind,
  failure: "failed to create job: ",
  takesCommand: true,
  async make({ flags, name, command, session }) {
    if (Boolean(flags.image) === Boolean(flags.from)) {
      throw new CommandError("either --image or --from must be specified");
    }
    if (flags.from && command.length > 0) throw new CommandError("cannot specify --from and command");
    if (flags.from) {
      const [type = "", from = ""] = flags.from.split("/");
      const resource = await (await session.mapper()).resource(type);
      if (resource.kind !== "CronJob")
        throw new CommandError(`unknown object type *${resource.version}.${resource.kind}`);
      const path = pathOf(resource, { namespace: session.access.namespace, name: from });
      return fromCronJob(await session.api.call<AnyObject>({ path }));
    }
    const container = {
      ...(command.length > 0 ? { command } : {}),
      image: flags.image,
      name,
      resources: {},
    };
    return {
      spec: { template: { metadata: {}, spec: { containers: [container], restartPolicy: "Never" } } },
      status: {},
    };
  },
});

function fromCronJob(cronJob: AnyObject) {
  const { jobTemplate } = cronJob.spec as {
    readonly jobTemplate: {
      readonly metadata?: { readonly labels?: object; readonly annotations?: object };
      readonly spec: object;
    };
  };
  const { labels, annotations = {} } = jobTemplate.metadata ?? {};
  return {
    metadata: {
      annotations: { ...annotations, "cronjob.kubernetes.io/instantiate": "manual" },
      ...(labels ? { labels } : {}),
      ownerReferences: [
        {
          apiVersion: "batch/v1",
          controller: true,
          kind: "CronJob",
          name: cronJob.metadata.name,
          uid: cronJob.metadata.uid,
        },
      ],
    },
    spec: jobTemplate.spec,
    status: {},
  };
}

/** `kubectl create cronjob` */
export const cronjob = generatorCommand({
  name: "cronjob",
  aliases: ["cj"],
  short: "Create a cron job with the specified name",
  usage: "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [flags]",
  flags: {
    image: text("The image to run."),
    schedule: text("When to run it, in the form of cron."),
    restart: text("What happens when it ends: OnFailure or Never."),
  },
  required: ["image", "schedule"],
  kind: cronJobKind,
  failure: "failed to create cronjob: ",
  takesCommand: true,
  async make({ flags, name, command }) {
    const container = {
      ...(command.length > 0 ? { command } : {}),
      image: flags.image,
      name,
      resources: {},
    };
    const template = { metadata: {}, spec: { containers: [container], restartPolicy: flags.restart || "OnFailure" } };
    return {
      spec: { jobTemplate: { metadata: { name }, spec: { template } }, schedule: flags.schedule },
      status: {},
    };
  },
});
