import { StatusError } from "../../../../machinery/status-error.ts";
import { type CommandEntry, defineCommand } from "../../command.ts";
import { bool, text } from "../../flags/flag.ts";
import {
  dryRunFlag,
  fieldManagerFlag,
  fileFlags,
  printFlags,
  saveConfigFlag,
  selectorFlag,
  validateFlag,
  windowsFlag,
} from "../../flags/shared.ts";
import { CommandError, throwAll, usageError } from "../../messages.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { manifestTargetsOf } from "../../resources/selection.ts";
import {
  createCall,
  dryRunOf,
  resultPrinter,
  validationOf,
  withLastApplied,
  withSource,
  writeQuery,
} from "../../resources/writes.ts";

const generators: readonly CommandEntry[] = [
  { name: "clusterrole", short: "Create a cluster role", load: async () => (await import("./access.ts")).clusterrole },
  {
    name: "clusterrolebinding",
    short: "Create a cluster role binding for a particular cluster role",
    load: async () => (await import("./access.ts")).clusterrolebinding,
  },
  {
    name: "configmap",
    aliases: ["cm"],
    short: "Create a config map from a local file, directory or literal value",
    load: async () => (await import("./configmap.ts")).configmap,
  },
  {
    name: "cronjob",
    aliases: ["cj"],
    short: "Create a cron job with the specified name",
    load: async () => (await import("./workloads.ts")).cronjob,
  },
  {
    name: "deployment",
    aliases: ["deploy"],
    short: "Create a deployment with the specified name",
    load: async () => (await import("./workloads.ts")).deployment,
  },
  {
    name: "ingress",
    aliases: ["ing"],
    short: "Create an ingress with the specified name",
    load: async () => (await import("./ingress.ts")).ingress,
  },
  {
    name: "job",
    short: "Create a job with the specified name",
    load: async () => (await import("./workloads.ts")).job,
  },
  {
    name: "namespace",
    aliases: ["ns"],
    short: "Create a namespace with the specified name",
    load: async () => (await import("./policies.ts")).namespace,
  },
  {
    name: "poddisruptionbudget",
    aliases: ["pdb"],
    short: "Create a pod disruption budget with the specified name",
    load: async () => (await import("./policies.ts")).poddisruptionbudget,
  },
  {
    name: "priorityclass",
    aliases: ["pc"],
    short: "Create a priority class with the specified name",
    load: async () => (await import("./policies.ts")).priorityclass,
  },
  {
    name: "quota",
    aliases: ["resourcequota"],
    short: "Create a quota with the specified name",
    load: async () => (await import("./policies.ts")).quota,
  },
  {
    name: "role",
    short: "Create a role with single rule",
    load: async () => (await import("./access.ts")).role,
  },
  {
    name: "rolebinding",
    short: "Create a role binding for a particular role or cluster role",
    load: async () => (await import("./access.ts")).rolebinding,
  },
  {
    name: "secret",
    short: "Create a secret using a specified subcommand",
    load: async () => (await import("./secret.ts")).secret,
  },
  {
    name: "service",
    aliases: ["svc"],
    short: "Create a service using a specified subcommand",
    load: async () => (await import("./service.ts")).service,
  },
  {
    name: "serviceaccount",
    aliases: ["sa"],
    short: "Create a service account with the specified name",
    load: async () => (await import("./policies.ts")).serviceaccount,
  },
  { name: "token", short: "Request a service account token", load: async () => (await import("./token.ts")).token },
];

/** `kubectl create` */
export const create = defineCommand({
  name: "create",
  short: "Create a resource from a file or from stdin",
  long: "Create the objects of manifests, in JSON or YAML, or one object by the flags of a subcommand.",
  examples: `# The objects of a file
kubectl create -f ./pod.json

# What another program writes
cat pod.json | kubectl create -f -`,
  usage: "-f FILENAME",
  subcommands: generators,
  flags: {
    ...printFlags,
    ...fileFlags,
    ...selectorFlag,
    ...dryRunFlag,
    ...validateFlag,
    ...saveConfigFlag,
    ...fieldManagerFlag("kubectl-create"),
    edit: bool("Opens each object in your editor before it is created."),
    ...windowsFlag,
    raw: text("A path at the server to which the file is sent as it is."),
  },
  async run({ session, args, flags, path }) {
    if (flags.filename.length === 0 && !flags.kustomize) {
      if (args.length > 0) throw usageError(path, `Unexpected args: [${args.join(" ")}]`);
      throw new CommandError("must specify one of -f and -k");
    }
    if (args.length > 0) throw usageError(path, `Unexpected args: [${args.join(" ")}]`);
    if (flags.raw) {
      await (await import("../../resources/raw.ts")).sendRaw(session, "POST", flags.raw, flags.filename);
      return;
    }
    const dryRun = dryRunOf(session, flags);
    const validation = validationOf(flags);
    const printer = await resultPrinter(session, flags, dryRun);
    const query = writeQuery({ dryRun, fieldManager: flags["field-manager"], validation });
    if (flags.edit) {
      const { createEdited } = await import("./edit-first.ts");
      await createEdited(session, {
        filenames: flags.filename,
        recursive: flags.recursive,
        output: flags.output,
        windows: flags["windows-line-endings"],
        saveConfig: flags["save-config"],
        query,
        printer,
      });
      return;
    }
    const { parseSelector } = flags.selector ? await import("../../../../machinery/labels.ts") : {};
    const selector = parseSelector?.(flags.selector);
    const errors: unknown[] = [];
    let count = 0;
    for await (const target of manifestTargetsOf(session, {
      filenames: flags.filename,
      recursive: flags.recursive,
      validated: validation !== "Ignore",
    })) {
      if (target instanceof Error) {
        errors.push(target);
        continue;
      }
      if (selector && !selector.matches(target.object.metadata.labels ?? undefined)) continue;
      count += 1;
      try {
        const object = flags["save-config"] ? await withLastApplied(target.object) : target.object;
        const made =
          dryRun === "client" ? object : await session.api.call<AnyObject>(createCall(target.resource, object, query));
        printer.print(made, "created");
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        errors.push(withSource(error, "creating", target.source));
      }
    }
    throwAll(errors);
    if (count === 0) throw new CommandError("no objects passed to create");
  },
});
