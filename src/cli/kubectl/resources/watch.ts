import { CommandError } from "../messages.ts";
import type { GetOutput } from "../output/get-output.ts";
import { isTable, type Table } from "../output/table.ts";
import type { Session } from "../session.ts";
import { type AnyObject, pathOf } from "./resource-info.ts";
import type { SelectionOptions, Target, Targets } from "./selection.ts";

/** Shows what there is, unless `only` changes are asked for, and then every change until the server or the user ends it. */
export async function watchTargets(
  session: Session,
  { targets, errors }: Targets,
  options: SelectionOptions,
  { output, only }: { readonly output: GetOutput; readonly only: boolean },
): Promise<undefined> {
  if (errors.length > 0) throw errors[0];
  const [target, ...more] = targets;
  if (!target || more.length > 0) {
    throw new CommandError(
      "watch is only supported on individual resources and resource collections - more than 1 resource was found",
    );
  }
  const named = target.form !== "list";
  const path = pathOf(target.resource, { namespace: target.namespace });
  const query = {
    labelSelector: options.labelSelector,
    fieldSelector: named ? `metadata.name=${target.name}` : options.fieldSelector,
    includeObject: options.includeObject,
  };
  const first = await session.api.call<AnyObject>({
    path: named ? pathOf(target.resource, target) : path,
    query: named ? {} : query,
    accept: options.accept,
  });
  if (!only) for (const one of initial(first, target)) output.printOne(one, target, "ADDED");
  const resourceVersion = String(first.metadata?.resourceVersion ?? "");
  const events = session.api.watch({
    path,
    query: { ...query, resourceVersion: named ? versionOf(first) : resourceVersion, watch: true },
    accept: options.accept,
  });
  for await (const { type, object } of events) {
    if (type === "BOOKMARK") continue;
    if (type === "ERROR") {
      const { StatusError } = await import("../../../machinery/status-error.ts");
      throw StatusError.fromStatus(object as Parameters<typeof StatusError.fromStatus>[0]);
    }
    output.printOne(object as AnyObject, target, type);
  }
  return undefined;
}

/** A table stays one; a list becomes its items. */
function initial(first: AnyObject, target: Target): readonly AnyObject[] {
  if (isTable(first)) return (first.rows ?? []).length > 0 ? [first as unknown as AnyObject] : [];
  if (target.form !== "list") return [first];
  const { items, apiVersion, kind } = first as AnyObject & { readonly items?: readonly AnyObject[] };
  return (items ?? []).map((item) => ({
    ...item,
    apiVersion: item.apiVersion ?? apiVersion,
    kind: item.kind ?? kind.replace(/List$/, ""),
  }));
}

/** A table of one object tells the object's version in its row. */
function versionOf(first: AnyObject): string {
  const table = first as unknown as Table;
  return String(
    (isTable(table) ? table.rows?.[0]?.object?.metadata?.resourceVersion : undefined) ??
      first.metadata?.resourceVersion ??
      "",
  );
}
