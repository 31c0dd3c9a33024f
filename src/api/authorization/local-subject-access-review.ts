import type * as authorization from "../generated/authorization-v1.ts";
import { defineKind } from "../kind.ts";
import { groupMapping } from "./review-versions.ts";

export type LocalSubjectAccessReview = authorization.LocalSubjectAccessReview;

/** Asks whether somebody may do something in one namespace. */
export const LocalSubjectAccessReview = defineKind<authorization.LocalSubjectAccessReview>({
  type: "authorization/v1.LocalSubjectAccessReview",
  plural: "localsubjectaccessreviews",
  scope: "Namespaced",
  verbs: ["create"],
  versions: groupMapping("LocalSubjectAccessReview"),
});
