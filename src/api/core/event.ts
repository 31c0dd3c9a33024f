import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Event = core.Event;

/** A report of something that happened to an object; forgotten after an hour. */
export const Event = defineKind<core.Event>({
  type: "core/v1.Event",
  plural: "events",
  shortNames: ["ev"],
  scope: "Namespaced",
  createOnUpdate: true,
  ttl: 3600,
});
