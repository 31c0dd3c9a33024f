import type * as apiregistration from "../generated/apiregistration-v1.ts";
import { defineKind } from "../kind.ts";

export type APIService = apiregistration.APIService;

/** Names the server that answers for an API group version. */
export const APIService = defineKind<apiregistration.APIService>({
  type: "apiregistration/v1.APIService",
  plural: "apiservices",
  categories: ["api-extensions"],
  scope: "Cluster",
  subresources: ["status"],
  name: "path",
  unconditionalUpdate: false,
});
