import { isStatus } from "../../../../machinery/status-error.ts";
import { defineCommand } from "../../command.ts";
import { bool } from "../../flags/flag.ts";
import { dryRunFlag, fileFlags, printFlags } from "../../flags/shared.ts";
import { CommandError, throwAll } from "../../messages.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import { type ManifestTarget, manifestTargetsOf } from "../../resources/selection.ts";
import { dryRunOf, resultPrinter } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { type Plan, planBinding, planRole } from "./reconcile-plan.ts";

const kinds = new Set(["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"]);

/** `kubectl auth reconcile` */
export const reconcile = defineCommand({
  name: "reconcile",
  short: "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
  long: `Brings roles and bindings into line with manifests: what is missing is added, and what is too much goes if that is asked for.

 A binding whose role has changed is made anew. Objects with the annotation rbac.authorization.kubernetes.io/autoupdate=false stay as they are.`,
  examples: "# The roles of a file\nkubectl auth reconcile -f my-rbac-rules.yaml",
  usage: "-f FILENAME",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...dryRunFlag,
    "remove-extra-permissions": bool("Takes away what roles allow beyond the manifest."),
    "remove-extra-subjects": bool("Takes away whom bindings name beyond the manifest."),
  },
  async run({ session, flags }) {
    if (flags.filename.length === 0 && !flags.kustomize) throw new CommandError("must specify one of -f and -k");
    const dryRun = dryRunOf(session, flags);
    if (dryRun === "server") {
      throw new CommandError("--dry-run=server for command reconcile is not supported yet");
    }
    const printer = await resultPrinter(session, flags, dryRun);
    const errors: unknown[] = [];
    for await (const target of manifestTargetsOf(session, { filenames: flags.filename, recursive: flags.recursive })) {
      if (target instanceof Error) errors.push(target);
      else if (target.resource.group === "rbac.authorization.k8s.io" && kinds.has(target.resource.kind)) {
        const plan = await planFor(session, target, flags);
        const done = dryRun === "client" || plan.protected ? plan.object : await carryOut(session, target, plan);
        printer.print(done, "reconciled");
        for (const line of plan.lines) session.complain(line);
      }
    }
    throwAll(errors);
  },
});

async function planFor(
  session: Session,
  { resource, namespace, name, object }: ManifestTarget,
  flags: { readonly "remove-extra-permissions": boolean; readonly "remove-extra-subjects": boolean },
): Promise<Plan> {
  const existing = await found(session, pathOf(resource, { namespace, name }));
  return resource.kind.endsWith("Binding")
    ? planBinding(object, existing, flags["remove-extra-subjects"])
    : planRole(object, existing, flags["remove-extra-permissions"]);
}

async function found(session: Session, path: string): Promise<AnyObject | undefined> {
  try {
    return await session.api.call<AnyObject>({ path });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

async function carryOut(session: Session, target: ManifestTarget, { operation, object }: Plan): Promise<AnyObject> {
  const { resource, namespace, name } = target;
  const collection = pathOf(resource, { namespace });
  const path = pathOf(resource, { namespace, name });
  switch (operation) {
    case "none":
      return object;
    case "update":
      return await session.api.call<AnyObject>({ method: "PUT", path, body: object });
    case "recreate":
      await session.api.call({ method: "DELETE", path });
      return await session.api.call<AnyObject>({ method: "POST", path: collection, body: object });
    case "create":
      if (namespace !== "") await ensureNamespace(session, namespace);
      return await session.api.call<AnyObject>({ method: "POST", path: collection, body: object });
  }
}

async function ensureNamespace(session: Session, name: string): Promise<void> {
  if (await found(session, `/api/v1/namespaces/${name}`)) return;
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await session.api.call({ method: "POST", path: "/api/v1/namespaces", body });
}
