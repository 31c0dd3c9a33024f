import { type AnyObject, itemsOf } from "../resources/resource-info.ts";
import { ageText } from "./age.ts";
import type { Table } from "./table.ts";

/** The table of names and ages for objects that the server made none for. */
export function plainTable(object: AnyObject, now: number): Table {
  const objects = "items" in object ? itemsOf(object) : [object];
  return {
    kind: "Table",
    columnDefinitions: [{ name: "Name", format: "name" }, { name: "Age" }],
    rows: objects.map((one) => ({
      cells: [one.metadata?.name ?? "", ageText(one.metadata?.creationTimestamp, now)],
      object: one,
    })),
  };
}
