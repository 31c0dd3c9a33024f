import { ageColumn, nameColumn } from "../../api/columns.ts";
import { since } from "../../api/durations.ts";
import type { CustomResourceColumnDefinition } from "../../api/generated/apiextensions-v1.ts";
import type { Column } from "../../api/kind.ts";
import { compileJsonPath, type JsonPath, printResults } from "../../expr/jsonpath/jsonpath.ts";
import { Fault } from "../../lib/fault.ts";
import type { KubeObject } from "../../machinery/object.ts";

type Shown = Column<KubeObject>;

/** The columns of a custom resource's table: its name, and what the definition says, or its age. */
export function printerColumns(given: readonly CustomResourceColumnDefinition[] | undefined): readonly Shown[] {
  if (!given || given.length === 0) return [nameColumn, { ...ageColumn, type: "date" }];
  return [nameColumn, ...given.map(columnOf)];
}

function columnOf(given: CustomResourceColumnDefinition): Shown {
  const { name, type, format, description, priority, jsonPath } = given;
  const text = description || `Custom resource definition column (in JSONPath format): ${jsonPath}`;
  const find = finder(jsonPath);
  return {
    name,
    type: type as Shown["type"],
    ...(format ? { format } : {}),
    description: text,
    ...(priority ? { priority: priority as 1 } : {}),
    of: (object, { now }) => {
      const value = find(object);
      return value === undefined || value === null ? null : cell(value, type, now);
    },
  };
}

/** Reads the first value at a path; undefined when there is none. The path is compiled when it is first needed. */
export function finder(jsonPath: string): (object: unknown) => unknown {
  let path: JsonPath | undefined;
  return (object) => {
    try {
      path ??= compileJsonPath(`{${jsonPath}}`);
      return path.find(object, { allowMissingKeys: true })[0]?.[0];
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    }
  };
}

function cell(value: unknown, type: string, now: number): unknown {
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date": {
      if (typeof value !== "string") return null;
      return Number.isNaN(Date.parse(value)) ? "<invalid>" : since(value, now);
    }
    default:
      return printResults([value]);
  }
}
