import { goQuote } from "../../lib/go-text.ts";
import type { StatusCause } from "../generated/meta-v1.ts";
import { StatusError } from "../status-error.ts";
import type { Manager } from "./managers.ts";
import { placeText } from "./path-element.ts";

/** A place that somebody wants to apply and another owns with a different value. */
export interface FieldConflict {
  readonly manager: Manager;
  /** The steps to it. */
  readonly place: readonly string[];
}

/** An apply that was not forced met other owners: a 409 that names every field and its owner. */
export class ApplyConflict extends StatusError {
  readonly conflicts: readonly FieldConflict[];

  constructor(conflicts: readonly FieldConflict[]) {
    super("Conflict", conflictText(conflicts), { details: { causes: conflicts.map(causeOf) } });
    this.conflicts = conflicts;
  }
}

const causeOf = ({ manager, place }: FieldConflict): StatusCause => ({
  reason: "FieldManagerConflict",
  message: `conflict with ${managerText(manager)}`,
  field: placeText(place),
});

function managerText({ name, operation, apiVersion, subresource }: Manager): string {
  const who = subresource ? `${goQuote(name)} with subresource ${goQuote(subresource)}` : goQuote(name);
  return operation === "Update" ? `${who} using ${apiVersion}` : who;
}

function conflictText(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (first && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${managerText(first.manager)}: ${placeText(first.place)}`;
  }
  const owners = new Map<string, string[]>();
  for (const { manager, place } of conflicts) {
    const owner = managerText(manager);
    owners.set(owner, [...(owners.get(owner) ?? []), placeText(place)]);
  }
  const lines = [...owners.keys()]
    .sort()
    .flatMap((owner) => [`conflicts with ${owner}:`, ...(owners.get(owner) ?? []).map((place) => `- ${place}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}
