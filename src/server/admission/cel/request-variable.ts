import type { UserInfo } from "../../exchange.ts";
import type { AdmissionRequest } from "../admission.ts";
import type { Matched } from "../dynamic/request-matcher.ts";

/** The members of an AdmissionReview's request that webhooks and expressions see alike. */
export function requestMembers(request: AdmissionRequest, matched: Matched, objectName: string | undefined) {
  const { group, version, resource, subresource, operation, namespace, dryRun, body, served } = request;
  const name = request.name || objectName || "";
  const asked = body ?? { group: served.group, version: served.version, kind: served.kind };
  const part = subresource ? { subResource: subresource } : {};
  const askedPart = subresource ? { requestSubResource: subresource } : {};
  return {
    kind: matched.kind,
    resource: { group: matched.served.group, version: matched.served.version, resource },
    ...part,
    requestKind: asked,
    requestResource: { group, version, resource },
    ...askedPart,
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: userMembers(request.user),
    dryRun,
    options: request.options(),
  };
}

function userMembers({ name, uid, groups, extra }: UserInfo) {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
