import type { CertificateSigningRequest } from "../../api/certificates/certificate-signing-request.ts";
import { validateRequestChange } from "../../api/certificates/request-updates.ts";
import type { Pod } from "../../api/core/pod.ts";
import { validateEphemeralChange, validateResizeChange } from "../../api/core/validate-pod-parts.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { statusOnly, type UpdateRules, wholeObject } from "../../registry/update.ts";
import { withMetadata } from "../../registry/write.ts";
import type { Call } from "../call.ts";

type Take = (next: AnyObject, previous: AnyObject) => AnyObject;

const asRequest = (object: AnyObject) => object as AnyObject as unknown as CertificateSigningRequest;
const asPod = (object: AnyObject) => object as AnyObject as unknown as Pod;

/** Faults of a change of a part beside those of the whole object. */
const checks: Readonly<Record<string, UpdateRules["validate"]>> = {
  ephemeralcontainers: (next, previous) => validateEphemeralChange(asPod(next), asPod(previous)),
  resize: (next, previous) => validateResizeChange(asPod(next), asPod(previous)),
  approval: (next, previous) => validateRequestChange(asRequest(next), asRequest(previous), "approval"),
};

/** The one part that each of these subresources may change; all else stays as it was. */
const parts: Readonly<Record<string, Take>> = {
  ephemeralcontainers: (next, previous) => {
    const { ephemeralContainers } = asPod(next).spec ?? {};
    return { ...previous, spec: { ...(previous.spec as object), ephemeralContainers } };
  },
  resize: (next, previous) => {
    const sent = asPod(next).spec;
    const spec = asPod(previous).spec;
    const containers = spec?.containers.map((container) => {
      const same = sent?.containers.find(({ name }) => name === container.name);
      return same ? { ...container, resources: same.resources, resizePolicy: same.resizePolicy } : container;
    });
    return { ...previous, spec: { ...spec, containers } };
  },
  approval: (next, previous) => {
    const { status } = asRequest(next);
    return { ...previous, status: { ...(previous.status as object), conditions: status?.conditions } };
  },
};

/** By which rules the part that a path names may be changed. */
export function rulesOf({ info, collection }: Call): UpdateRules {
  const { resource } = collection;
  const take = parts[info.subresource];
  if (info.subresource === "status") return statusOnly(resource);
  if (!take) return wholeObject(resource);
  return {
    prepare: (next, previous) => withMetadata(take(next, previous), { managedFields: next.metadata.managedFields }),
    validate: (next, previous) => [
      ...(resource.declaration.validate?.(next) ?? []),
      ...(checks[info.subresource]?.(next, previous) ?? []),
    ],
  };
}
