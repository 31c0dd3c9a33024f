import type * as apps from "../generated/apps-v1.ts";
import { defineKind } from "../kind.ts";

export type ControllerRevision = apps.ControllerRevision;

/** A frozen earlier state of a workload, for its history and undo. */
export const ControllerRevision = defineKind<apps.ControllerRevision>({
  type: "apps/v1.ControllerRevision",
  plural: "controllerrevisions",
  scope: "Namespaced",
});
