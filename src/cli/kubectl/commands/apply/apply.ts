import { defineCommand } from "../../command.ts";
import { bool, duration, int, list, text } from "../../flags/flag.ts";
import {
  allFlag,
  dryRunFlag,
  fieldManagerFlag,
  fileFlags,
  printFlags,
  recordFlag,
  selectorFlag,
  validateFlag,
} from "../../flags/shared.ts";
import { CommandError, throwAll, usageError } from "../../messages.ts";
import { objectPrinter } from "../../output/printer.ts";
import { propagationOf } from "../../resources/propagation.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { type ManifestTarget, manifestTargetsOf } from "../../resources/selection.ts";
import { type DryRun, dryRunOf, resultPrinter, validationOf, writeQuery } from "../../resources/writes.ts";
import { applyClientSide } from "./client-side.ts";
import type { Done } from "./pruning.ts";
import { applyServerSide } from "./server-side.ts";

/** `kubectl apply` */
export const apply = defineCommand({
  name: "apply",
  short: "Apply a configuration to a resource by file name or stdin",
  long: `Make the objects of manifests what the manifests say: what is not there is created, what is there is changed.

 Fields that stood in the manifest the last time and stand there no more are removed; fields that others set stay. With --server-side the server does the merging, by who owns which field.`,
  examples: `# The objects of a file
kubectl apply -f ./web.yaml

# A whole folder, and what was applied from it before and is gone from it is deleted
kubectl apply --prune -f manifests/ -l app=web`,
  usage: "(-f FILENAME | -k DIRECTORY)",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...selectorFlag,
    ...allFlag("With --prune: everything that was applied, whatever its labels."),
    ...dryRunFlag,
    ...validateFlag,
    ...recordFlag,
    ...fieldManagerFlag("kubectl-client-side-apply"),
    cascade: text("With --prune and --force: what happens to what an object owns.", {
      default: "background",
      bare: "background",
    }),
    force: bool("Deletes and creates again what cannot be changed."),
    "force-conflicts": bool("With --server-side: takes fields over that others own."),
    "grace-period": int("Seconds that what is deleted has to end; -1 leaves it to the object.", { default: -1 }),
    "openapi-patch": bool("Merges by what the server tells of types.", { default: true }),
    overwrite: bool("What the manifest says wins over what was changed since.", { default: true }),
    prune: bool("Deletes what was applied before and is not among the manifests; needs -l or --all."),
    "prune-allowlist": list("Types that are pruned, as group/version/Kind (core for the core group)."),
    applyset: text(
      "With --prune: the object that keeps in mind what was applied as one set, as [TYPE[.GROUP]/]NAME; a Secret if no type is named. What left the manifests of the set is deleted. Alpha.",
      { gate: "KUBECTL_APPLYSET" },
    ),
    "server-side": bool("Lets the server merge."),
    subresource: text("Applies to the object's subresource."),
    timeout: duration("How long to wait for what is deleted to go."),
    wait: bool("Waits until what is deleted is gone."),
  },
  subcommands: [
    {
      name: "edit-last-applied",
      short: "Edit latest last-applied-configuration annotations of a resource/object",
      load: async () => (await import("./edit-last-applied.ts")).editLastApplied,
    },
    {
      name: "set-last-applied",
      short: "Set the last-applied-configuration annotation on a live object to match the contents of a file",
      load: async () => (await import("./last-applied.ts")).setLastApplied,
    },
    {
      name: "view-last-applied",
      short: "View the latest last-applied-configuration annotations of a resource/object",
      load: async () => (await import("./last-applied.ts")).viewLastApplied,
    },
  ],
  async run({ session, args, flags, given, path }) {
    const serverSide = flags["server-side"];
    if (args.length > 0) throw usageError(path, `Unexpected args: [${args.join(" ")}]`);
    const dryRun = dryRunOf(session, flags);
    const propagationPolicy = propagationOf(session, flags.cascade);
    if (flags.filename.length === 0 && !flags.kustomize) throw new CommandError("must specify one of -f and -k");
    const validation = validationOf(flags);
    const parent = flags.applyset
      ? await (await import("./apply-set-parent.ts")).parentRefOf(session, flags.applyset)
      : undefined;
    const byLabel = flags.prune ? await import("./prune.ts") : undefined;
    const prunable = (await byLabel?.prunedTypes(session, flags["prune-allowlist"])) ?? [];
    refuseContradictions(flags, dryRun);
    if (parent) {
      if (!flags.prune) throw new CommandError("--applyset requires --prune");
      await (await import("./apply-set-parent.ts")).checkParent(session, parent);
    }
    if (flags.prune) refuseToPrune(flags);
    const printer = await resultPrinter(session, flags, dryRun);
    const whole = flags.output !== "" && flags.output !== "name" ? await objectPrinter(session, flags) : undefined;
    const fieldManager = serverSide && !given.has("field-manager") ? "kubectl" : flags["field-manager"];
    const query = writeQuery({ dryRun, fieldManager, validation });
    const { parseSelector } = flags.selector ? await import("../../../../machinery/labels.ts") : {};
    const selector = parseSelector?.(flags.selector);

    const targets: ManifestTarget[] = [];
    const errors: unknown[] = [];
    const read = { filenames: flags.filename, recursive: flags.recursive, validated: validation !== "Ignore" };
    for await (const target of manifestTargetsOf(session, read)) {
      if (target instanceof Error) errors.push(target);
      else if (!selector || selector.matches(target.object.metadata.labels ?? undefined)) targets.push(target);
    }
    if (targets.length === 0) {
      throwAll(errors);
      throw new CommandError("no objects passed to apply");
    }
    const prune = { dryRun, propagationPolicy, gracePeriod: flags["grace-period"], printer };
    const pruning = parent
      ? (await import("./apply-set.ts")).applySetPruning(session, parent, { ...prune, validation })
      : byLabel?.labelPruning(session, prunable, {
          ...prune,
          selector: flags.selector,
          allowlist: flags["prune-allowlist"],
        });
    const done: Done[] = [];
    for (const target of (await pruning?.before(targets)) ?? targets) {
      try {
        if (target.name === "" && target.object.metadata.generateName) {
          throw new CommandError(`from ${target.object.metadata.generateName}: cannot use generate name with apply`);
        }
        const applied = serverSide
          ? await applyServerSide(session, target, { query, force: flags["force-conflicts"] })
          : await applyClientSide(session, target, {
              dryRun,
              query,
              force: flags.force,
              overwrite: flags.overwrite,
              timeout: flags.timeout,
            });
        done.push({ target, applied });
        if (!whole) printer.print(applied.object, applied.done);
      } catch (error) {
        errors.push(error);
      }
    }
    if (whole && done.length > 0) {
      const objects = done.map(({ applied }) => applied.object);
      const [first] = objects;
      whole.print(
        objects.length === 1 && first
          ? first
          : ({
              apiVersion: "v1",
              kind: "List",
              items: objects,
              metadata: {},
            } as unknown as AnyObject),
      );
    }
    throwAll(errors);
    await pruning?.after(done);
  },
});

interface Contradicting {
  readonly all: boolean;
  readonly applyset: string;
  readonly force: boolean;
  readonly "force-conflicts": boolean;
  readonly "prune-allowlist": readonly string[];
  readonly selector: string;
  readonly "server-side": boolean;
}

function refuseContradictions(flags: Contradicting, dryRun: DryRun): void {
  const serverSide = flags["server-side"];
  if (flags["force-conflicts"] && !serverSide)
    throw new CommandError("--force-conflicts only works with --server-side");
  if (dryRun === "client" && serverSide) {
    throw new CommandError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
  }
  if (serverSide && flags.force) throw new CommandError("--force cannot be used with --server-side");
  if (dryRun === "server" && flags.force) throw new CommandError("--dry-run=server cannot be used with --force");
  if (flags.all && flags.selector) throw new CommandError("cannot set --all and --selector at the same time");
}

/** What --prune does not go with, and what it needs. */
function refuseToPrune(flags: Contradicting): void {
  if (flags.force) throw new CommandError("--force cannot be used with --prune");
  if (flags.applyset) {
    if (flags.all) throw new CommandError("--all is incompatible with --applyset");
    if (flags.selector) throw new CommandError("--selector is incompatible with --applyset");
    if (flags["prune-allowlist"].length > 0) {
      throw new CommandError("--prune-allowlist is incompatible with --applyset");
    }
    return;
  }
  if (!flags.all && !flags.selector) {
    throw new CommandError(
      "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector",
    );
  }
  if (flags["server-side"]) {
    throw new CommandError("--prune is in alpha and doesn't currently work on objects created by server-side apply");
  }
}
