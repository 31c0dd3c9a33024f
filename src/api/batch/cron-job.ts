import type * as batch from "../generated/batch-v1.ts";
import { defineKind } from "../kind.ts";

export type CronJob = batch.CronJob;

/** Makes Jobs on a schedule. */
export const CronJob = defineKind<batch.CronJob>({
  type: "batch/v1.CronJob",
  plural: "cronjobs",
  shortNames: ["cj"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status"],
});
