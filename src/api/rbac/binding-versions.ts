import type { KubeObject } from "../../machinery/object.ts";
import { each, fillEmpty, without } from "../fill.ts";
import type { VersionMapping } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

const stored = "rbac.authorization.k8s.io/v1";
const alpha = "rbac.authorization.k8s.io/v1alpha1";

interface Subject {
  readonly kind: string;
  readonly name?: string;
  readonly apiGroup?: string;
  readonly apiVersion?: string;
}

type Binding = KubeObject & { readonly subjects?: readonly Subject[] };

const usualVersion = ({ kind }: Subject) =>
  kind === "ServiceAccount" ? "v1" : kind === "User" || kind === "Group" ? alpha : undefined;

/** Bindings of roles in the versions before v1; the first one named a subject's version where there is now its group. */
export function bindingMappings(kind: "RoleBinding" | "ClusterRoleBinding"): Readonly<Record<string, VersionMapping>> {
  return {
    ...sameInVersions(stored, { "rbac.authorization.k8s.io/v1beta1": `rbac/v1beta1.${kind}` }),
    [alpha]: {
      type: `rbac/v1alpha1.${kind}`,
      defaults: (object) =>
        withSubjects(object, (subject) => fillEmpty(subject, { apiVersion: usualVersion(subject) ?? "" })),
      toStored: (object) => ({ ...withSubjects(object, groupOfVersion), apiVersion: stored }),
      fromStored: (object) => ({ ...withSubjects(object, versionOfGroup), apiVersion: alpha }),
    },
  };
}

function withSubjects(object: KubeObject, alter: (subject: Subject) => Subject): KubeObject {
  const { subjects } = object as Binding;
  return subjects ? ({ ...object, subjects: each(alter)(subjects) } as KubeObject) : object;
}

function groupOfVersion({ apiVersion = "", ...subject }: Subject): Subject {
  const slash = apiVersion.indexOf("/");
  const apiGroup = slash < 0 ? "" : apiVersion.slice(0, slash);
  // Everybody was a user called `*` once.
  if (subject.kind === "User" && subject.name === "*") {
    return { ...subject, kind: "Group", apiGroup, name: "system:authenticated" };
  }
  return apiGroup ? { ...subject, apiGroup } : subject;
}

function versionOfGroup(subject: Subject): Subject {
  const apiVersion = usualVersion(subject) ?? `${subject.apiGroup ?? ""}/`;
  return { ...(without(subject, "apiGroup") as Subject), apiVersion };
}
