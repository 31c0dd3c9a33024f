import type { Handler } from "../resources/dispatch.ts";
import {
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
} from "./access-reviews.ts";
import { bindingsHandler } from "./binding.ts";
import { selfSubjectReview, tokenReview } from "./identity-reviews.ts";

/** Kinds that are never stored: posting one asks the server a question. */
const handlers = new Map<string, Handler>([
  ["v1/bindings", bindingsHandler],
  ["authentication.k8s.io/tokenreviews", tokenReview],
  ["authentication.k8s.io/selfsubjectreviews", selfSubjectReview],
  ["authorization.k8s.io/subjectaccessreviews", subjectAccessReview],
  ["authorization.k8s.io/localsubjectaccessreviews", localSubjectAccessReview],
  ["authorization.k8s.io/selfsubjectaccessreviews", selfSubjectAccessReview],
  ["authorization.k8s.io/selfsubjectrulesreviews", selfSubjectRulesReview],
]);

/** The handler of a kind that only answers; undefined for kinds that are stored. */
export function virtualHandler(apiVersion: string, resource: string): Handler | undefined {
  const slash = apiVersion.indexOf("/");
  return handlers.get(`${slash < 0 ? apiVersion : apiVersion.slice(0, slash)}/${resource}`);
}
