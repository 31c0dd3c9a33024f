import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isStatus } from "../../../../machinery/status-error.ts";
import { encodeYaml } from "../../../../machinery/yaml-text.ts";
import { defineCommand } from "../../command.ts";
import { bool, int, list } from "../../flags/flag.ts";
import { fieldManagerFlag, fileFlags, selectorFlag } from "../../flags/shared.ts";
import { CommandError, tellError, usageError } from "../../messages.ts";
import { withoutManagedFields } from "../../output/printer.ts";
import type { ApiResource } from "../../resources/discovery.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import { type ManifestTarget, manifestTargetsOf } from "../../resources/selection.ts";
import { lastApplied, writeQuery } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { applyClientSide } from "../apply/client-side.ts";
import { applyServerSide } from "../apply/server-side.ts";
import { maskedSecrets } from "./masked-secrets.ts";

/** `kubectl diff` */
export const diff = defineCommand({
  name: "diff",
  // 1 would say that something differs.
  misreadExitCode: 2,
  short: "Diff the live version against a would-be applied version",
  long: `Show what applying manifests would change, as diff shows it.

 The exit code is 0 when nothing would change, 1 when something would, and greater when something went wrong. KUBECTL_EXTERNAL_DIFF names another program than "diff -u -N".`,
  examples: `# What apply would do
kubectl diff -f web.yaml`,
  usage: "-f FILENAME",
  flags: {
    ...fileFlags,
    ...selectorFlag,
    ...fieldManagerFlag("kubectl-client-side-apply"),
    concurrency: int("How many objects are looked at at once.", { default: 1 }),
    "force-conflicts": bool("With --server-side: takes fields over that others own."),
    prune: bool("Shows what apply --prune would delete too; -l says among what."),
    "prune-allowlist": list("Types that are pruned, as group/version/Kind (core for the core group)."),
    "server-side": bool("Lets the server merge."),
    "show-managed-fields": bool("Shows who owns which field too."),
  },
  async run({ session, args, flags, given, path }) {
    try {
      if (flags.filename.length === 0 && !flags.kustomize) throw new CommandError("must specify one of -f and -k");
      if (args.length > 0) throw usageError(path, `Unexpected args: [${args.join(" ")}]`);
      return await compare(session, flags, given);
    } catch (error) {
      // What went wrong must not look like a difference.
      const { text, exitCode } = tellError(error);
      throw new CommandError(text, { verbatim: true, exitCode: Math.max(2, exitCode) });
    }
  },
});

interface DiffFlags {
  readonly filename: readonly string[];
  readonly recursive: boolean;
  readonly selector: string;
  readonly "field-manager": string;
  readonly "force-conflicts": boolean;
  readonly prune: boolean;
  readonly "prune-allowlist": readonly string[];
  readonly "server-side": boolean;
  readonly "show-managed-fields": boolean;
}

async function compare(session: Session, flags: DiffFlags, given: ReadonlySet<string>): Promise<number> {
  const { parseSelector } = flags.selector ? await import("../../../../machinery/labels.ts") : {};
  const selector = parseSelector?.(flags.selector);
  using folders = new DisposableStack();
  const [live, merged] = ["LIVE", "MERGED"].map((name) =>
    folders.adopt(mkdtempSync(join(tmpdir(), `${name}-`)), (folder) =>
      rmSync(folder, { recursive: true, force: true }),
    ),
  ) as [string, string];
  const kept = new Set<string>();
  const namespaces = new Set<string>();
  for await (const target of manifestTargetsOf(session, { filenames: flags.filename, recursive: flags.recursive })) {
    if (target instanceof Error) throw target;
    if (selector && !selector.matches(target.object.metadata.labels ?? undefined)) continue;
    const before = await liveObject(session, target);
    const after = await mergedObject(session, target, flags, given);
    if (before?.metadata.uid) kept.add(before.metadata.uid);
    if (target.namespace) namespaces.add(target.namespace);
    const [a, b] = target.resource.kind === "Secret" ? maskedSecrets(before, after) : [before, after];
    const file = fileName(target.resource, target);
    const shown = (object: AnyObject) => {
      const plain = flags["show-managed-fields"] ? object : withoutManagedFields(object);
      return encodeYaml(flags["server-side"] ? plain : withoutLastApplied(plain));
    };
    if (a) writeFileSync(join(live, file), shown(a));
    writeFileSync(join(merged, file), shown(b ?? after));
  }
  if (flags.prune) {
    const { prunedObjects, prunedTypes } = await import("../apply/prune.ts");
    const types = await prunedTypes(session, flags["prune-allowlist"]);
    for await (const { resource, object } of prunedObjects(session, types, { kept, namespaces, ...flags })) {
      writeFileSync(join(live, fileName(resource, object.metadata)), encodeYaml(object));
    }
  }
  return runDiff(session, live, merged);
}

/** What was applied last differs whenever anything does. */
function withoutLastApplied(object: AnyObject): AnyObject {
  const { [lastApplied]: written, ...annotations } = object.metadata.annotations ?? {};
  return written === undefined ? object : { ...object, metadata: { ...object.metadata, annotations } };
}

async function liveObject(session: Session, target: ManifestTarget): Promise<AnyObject | undefined> {
  try {
    return await session.api.call<AnyObject>({ path: pathOf(target.resource, target) });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

async function mergedObject(
  session: Session,
  target: ManifestTarget,
  flags: DiffFlags,
  given: ReadonlySet<string>,
): Promise<AnyObject> {
  const fieldManager = flags["server-side"] && !given.has("field-manager") ? "kubectl" : flags["field-manager"];
  const query = writeQuery({ dryRun: "server", fieldManager });
  const { object } = flags["server-side"]
    ? await applyServerSide(session, target, { query, force: flags["force-conflicts"] })
    : await applyClientSide(session, target, { dryRun: "server", query, force: false, overwrite: true, trial: true });
  return object;
}

function fileName(resource: ApiResource, { namespace = "", name = "" }: { namespace?: string; name?: string }): string {
  const { group, version, kind } = resource;
  return [...(group ? [group] : []), version, kind, namespace, name].join(".").replaceAll("/", "_");
}

function runDiff(session: Session, live: string, merged: string): number {
  const { env, cwd, stdout, stderr } = session.host;
  const [program = "diff", ...words] = (env.KUBECTL_EXTERNAL_DIFF || "diff -u -N").split(/\s+/).filter(Boolean);
  const run = spawnSync(program, [...words, live, merged], { cwd, env: { ...env }, maxBuffer: 1 << 30 });
  if (run.error) {
    throw new CommandError(
      `failed to run ${JSON.stringify(program)}: exec: ${JSON.stringify(program)}: executable file not found in $PATH`,
    );
  }
  if (run.stdout.length > 0) stdout.write(run.stdout);
  if (run.stderr.length > 0) stderr.write(run.stderr);
  if ((run.status ?? 2) > 1) throw new CommandError(`exit status ${run.status}`, { exitCode: run.status ?? 2 });
  return run.status ?? 0;
}
