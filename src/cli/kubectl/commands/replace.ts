import { isStatus } from "../../../machinery/status-error.ts";
import { defineCommand } from "../command.ts";
import { bool, duration, int, text } from "../flags/flag.ts";
import { dryRunFlag, fieldManagerFlag, fileFlags, printFlags, saveConfigFlag, validateFlag } from "../flags/shared.ts";
import { CommandError, throwAll } from "../messages.ts";
import { waitGone } from "../resources/gone.ts";
import { propagationOf } from "../resources/propagation.ts";
import { type AnyObject, pathOf, typeName } from "../resources/resource-info.ts";
import { type ManifestTarget, manifestTargetsOf } from "../resources/selection.ts";
import {
  createCall,
  dryRunOf,
  lastApplied,
  resultPrinter,
  validationOf,
  withLastApplied,
  withSource,
  writeQuery,
} from "../resources/writes.ts";
import type { Session } from "../session.ts";

/** `kubectl replace` */
export const replace = defineCommand({
  name: "replace",
  short: "Replace a resource by file name or stdin",
  long: "Put what a manifest says in the place of the whole object. With --force the object is deleted and made anew.",
  examples: `# The objects of a file
kubectl replace -f ./pod.json

# Delete and create again
kubectl replace --force -f ./pod.json`,
  usage: "-f FILENAME",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...dryRunFlag,
    ...validateFlag,
    ...saveConfigFlag,
    ...fieldManagerFlag("kubectl-replace"),
    cascade: text("With --force: what happens to what the object owns.", { default: "background", bare: "background" }),
    force: bool("Deletes the object and makes it anew."),
    "grace-period": int("With --force: seconds that the old one has to end.", { default: -1 }),
    raw: text("A path at the server to which the file is sent as it is."),
    subresource: text("Replaces the object's subresource, as status or scale."),
    timeout: duration("With --force: how long to wait for the old one to go."),
    wait: bool("With --force: waits until the old one is gone."),
  },
  async run({ session, flags }) {
    const dryRun = dryRunOf(session, flags);
    const propagationPolicy = propagationOf(session, flags.cascade);
    const validation = validationOf(flags);
    if (flags["grace-period"] >= 0 && !flags.force)
      throw new CommandError("--grace-period must have --force specified");
    if (flags.timeout !== 0 && !flags.force) throw new CommandError("--timeout must have --force specified");
    if (flags.filename.length === 0 && !flags.kustomize) {
      throw new CommandError("must specify one of -f and -k");
    }
    if (flags.raw) {
      await (await import("../resources/raw.ts")).sendRaw(session, "PUT", flags.raw, flags.filename);
      return;
    }
    const printer = await resultPrinter(session, flags, dryRun);
    const query = writeQuery({ dryRun, fieldManager: flags["field-manager"], validation });
    const targets: ManifestTarget[] = [];
    const errors: unknown[] = [];
    const read = { filenames: flags.filename, recursive: flags.recursive, validated: validation !== "Ignore" };
    for await (const target of manifestTargetsOf(session, read)) {
      if (target instanceof Error) errors.push(target);
      else targets.push(target);
    }
    if (targets.length === 0) {
      throwAll(errors);
      return;
    }
    if (flags.force && dryRun === "none") await removeAll(session, targets, { ...flags, propagationPolicy });
    for (const target of targets) {
      const { resource, source } = target;
      try {
        const keeps = flags["save-config"] || target.object.metadata.annotations?.[lastApplied] !== undefined;
        const object = keeps ? await withLastApplied(target.object) : target.object;
        if (dryRun === "client") printer.print(object, "replaced");
        else if (flags.force) {
          printer.print(await session.api.call<AnyObject>(createCall(resource, object, query)), "replaced");
        } else {
          const at = pathOf(resource, target, flags.subresource);
          printer.print(
            await session.api.call<AnyObject>({ method: "PUT", path: at, query, body: object }),
            "replaced",
          );
        }
      } catch (error) {
        errors.push(withSource(error, "replacing", source));
      }
    }
    throwAll(errors);
  },
});

async function removeAll(
  session: Session,
  targets: readonly ManifestTarget[],
  flags: { readonly propagationPolicy: string; readonly "grace-period": number; readonly timeout: number },
): Promise<void> {
  const gone: { readonly info: ManifestTarget; readonly uid: string }[] = [];
  for (const target of targets) {
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: flags.propagationPolicy,
      ...(flags["grace-period"] >= 0 ? { gracePeriodSeconds: flags["grace-period"] } : {}),
    };
    try {
      const answer = await session.api.call<AnyObject>({
        method: "DELETE",
        path: pathOf(target.resource, target),
        body,
      });
      const where = target.resource.namespaced ? ` from ${target.namespace} namespace` : "";
      session.say(`${typeName(target.resource)} ${JSON.stringify(target.name)} deleted${where}`);
      const details = answer.details as { readonly uid?: string } | undefined;
      gone.push({ info: target, uid: answer.metadata?.uid ?? details?.uid ?? "" });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
  await waitGone(session, gone, { timeout: flags.timeout || 300_000 });
}
