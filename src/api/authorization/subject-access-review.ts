import type * as authorization from "../generated/authorization-v1.ts";
import { defineKind } from "../kind.ts";
import { groupMapping } from "./review-versions.ts";

export type SubjectAccessReview = authorization.SubjectAccessReview;

/** Asks whether somebody may do something. */
export const SubjectAccessReview = defineKind<authorization.SubjectAccessReview>({
  type: "authorization/v1.SubjectAccessReview",
  plural: "subjectaccessreviews",
  scope: "Cluster",
  verbs: ["create"],
  versions: groupMapping("SubjectAccessReview"),
});
