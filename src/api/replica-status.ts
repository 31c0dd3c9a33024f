import { field, path } from "../machinery/fields.ts";
import type { FieldError } from "../machinery/status-error.ts";
import { type Errors, nonNegative } from "./checks.ts";

interface ReplicaCounts {
  readonly replicas?: number;
  readonly fullyLabeledReplicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly observedGeneration?: number;
}

const parts = ["fullyLabeledReplicas", "updatedReplicas", "readyReplicas", "availableReplicas"] as const;

/** The faults of how many pods a workload says that it has: none negative, no part larger than the whole. */
export function validateReplicaCounts(status: ReplicaCounts | undefined): Errors {
  if (!status) return [];
  const place = path("status");
  const { replicas = 0 } = status;
  const errors: FieldError[] = [...nonNegative(place.child("replicas"), status.replicas)];
  for (const part of parts) errors.push(...nonNegative(place.child(part), status[part]));
  errors.push(...nonNegative(place.child("observedGeneration"), status.observedGeneration));
  for (const part of parts) {
    const count = status[part] ?? 0;
    if (count > replicas)
      errors.push(field.invalid(place.child(part), count, "cannot be greater than status.replicas"));
  }
  const { readyReplicas = 0, availableReplicas = 0 } = status;
  if (availableReplicas > readyReplicas) {
    const detail = "cannot be greater than readyReplicas";
    errors.push(field.invalid(place.child("availableReplicas"), availableReplicas, detail));
  }
  return errors;
}
