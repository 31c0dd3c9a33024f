import { createdAtColumn, nameColumn } from "../../api/columns.ts";
import type { Column } from "../../api/kind.ts";
import type { ListMeta } from "../../machinery/object.ts";
import { badRequest } from "../../machinery/status-error.ts";
import type { AnyObject, Served } from "../../registry/resource.ts";

/** How much of each object a table carries beside its cells. */
export type IncludeObject = "None" | "Metadata" | "Object";

/** Reads the `includeObject` parameter. Throws BadRequest. */
export function includeObject(text: string | null): IncludeObject {
  if (text === null || text === "") return "Metadata";
  if (text === "None" || text === "Metadata" || text === "Object") return text;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** A row's object: `object` in the version that the client speaks, `stored` in the one that columns are written for. */
export interface Row {
  readonly stored: AnyObject;
  readonly object: AnyObject;
}

export interface TableOptions {
  readonly version: string;
  readonly include: IncludeObject;
  readonly now: number;
  /** Absent to leave the column definitions out, as later events of a watch do. */
  readonly columns: boolean;
  readonly metadata: ListMeta;
}

const plainColumns: readonly Column<AnyObject>[] = [nameColumn, createdAtColumn];

/** A table of objects, one row each. */
export function tableOf({ resource, mapping }: Served, rows: readonly Row[], options: TableOptions): object {
  const own = mapping?.own?.columns;
  const columns = (own ?? resource.declaration.columns ?? plainColumns) as readonly Column<AnyObject>[];
  const context = { now: options.now };
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: options.metadata,
    columnDefinitions: options.columns ? columns.map(definition) : null,
    rows: rows.map(({ stored, object }) => ({
      cells: columns.map((column) => column.of(own ? object : stored, context) ?? null),
      object: carried(object, options),
    })),
  };
}

function definition({ name, type, format, description, priority }: Column<AnyObject>): object {
  return { name, type, format: format ?? "", description: description ?? name, priority: priority ?? 0 };
}

function carried(object: AnyObject, { include, version }: TableOptions): unknown {
  if (include === "None") return null;
  return include === "Object" ? object : partialOf(object, version);
}

/** An object without all but its metadata. */
export function partialOf({ metadata }: AnyObject, version: string): object {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata };
}
