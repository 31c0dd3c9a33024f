import type { CertificateSigningRequest } from "../../api/certificates/certificate-signing-request.ts";
import type { Pod } from "../../api/core/pod.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { statusOnly, type UpdateRules, wholeObject } from "../../registry/update.ts";
import { withMetadata } from "../../registry/write.ts";
import type { Call } from "../call.ts";

type Take = (next: AnyObject, previous: AnyObject) => AnyObject;

/** The one part that each of these subresources may change; all else stays as it was. */
const parts: Readonly<Record<string, Take>> = {
  ephemeralcontainers: (next, previous) => {
    const { ephemeralContainers } = (next as AnyObject as unknown as Pod).spec ?? {};
    return { ...previous, spec: { ...(previous.spec as object), ephemeralContainers } };
  },
  resize: (next, previous) => {
    const sent = (next as AnyObject as unknown as Pod).spec;
    const spec = (previous as AnyObject as unknown as Pod).spec;
    const containers = spec?.containers.map((container) => {
      const same = sent?.containers.find(({ name }) => name === container.name);
      return same ? { ...container, resources: same.resources, resizePolicy: same.resizePolicy } : container;
    });
    return { ...previous, spec: { ...spec, containers } };
  },
  approval: (next, previous) => {
    const { status } = next as AnyObject as unknown as CertificateSigningRequest;
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
    validate: (next) => resource.declaration.validate?.(next) ?? [],
  };
}
