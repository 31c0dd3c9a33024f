import type { ObjectMeta } from "../../machinery/object.ts";

const annotation = "api-approved.kubernetes.io";
const see = "see https://github.com/kubernetes/enhancements/pull/1111";

/** The annotation that says who approved an API under a domain of Kubernetes. */
export const approvalAnnotation: string = annotation;

/** What is known of the approval of an API. */
export interface Approval {
  readonly state: "approved" | "bypassed" | "invalid" | "missing";
  readonly message: string;
}

/** Whether an API in a group of Kubernetes' own domains was approved; undefined for all other groups (KEP-1111). */
export function apiApproval(group: string, annotations: ObjectMeta["annotations"]): Approval | undefined {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return undefined;
  const said = annotations?.[annotation] ?? "";
  const must = `protected groups must have approval annotation ${JSON.stringify(annotation)}`;
  if (said === "") return { state: "missing", message: `${must}, ${see}` };
  if (said.startsWith("unapproved")) return { state: "bypassed", message: `not approved: ${JSON.stringify(said)}` };
  if (URL.canParse(said) && new URL(said).host !== "") return { state: "approved", message: `approved in ${said}` };
  return { state: "invalid", message: `${must} with either a URL or a reason starting with "unapproved", ${see}` };
}
