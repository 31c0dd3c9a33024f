import type * as batch from "../generated/batch-v1.ts";
import { defineKind } from "../kind.ts";

export type Job = batch.Job;

/** Runs pods until enough of them have succeeded. */
export const Job = defineKind<batch.Job>({
  type: "batch/v1.Job",
  plural: "jobs",
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
  fields: { "status.successful": ({ status }) => String(status?.succeeded ?? 0) },
  defaultPropagation: "Orphan",
});
