import type { AnyObject } from "../../registry/resource.ts";
import type { AdmissionPlugin } from "./admission.ts";

/** A signing request carries who made it; nobody can claim to be somebody else, or change it later. */
export const certificateRequester: AdmissionPlugin = {
  name: "CertificateRequester",
  handles: ({ group, resource, operation }) =>
    group === "certificates.k8s.io" && resource === "certificatesigningrequests" && operation === "CREATE",
  mutate(object, _previous, { user }) {
    const {
      username: _name,
      groups: _groups,
      uid: _uid,
      extra: _extra,
      ...spec
    } = object.spec as Readonly<Record<string, unknown>>;
    const { name, groups, uid, extra } = user;
    const requester = { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
    return { ...object, spec: { ...spec, ...requester } } as AnyObject;
  },
};
