import type { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";

/** The kind that a definition brings, in its stored version; undefined while it is not served. */
export function customKind({ spec, status }: CustomResourceDefinition): KindRef<KubeObject> | undefined {
  const established = status?.conditions?.some(({ type, status }) => type === "Established" && status === "True");
  const version =
    spec.versions.find((each) => each.storage && each.served) ?? spec.versions.find((each) => each.served);
  if (!established || !version) return undefined;
  const { kind, plural } = spec.names;
  return { group: spec.group, version: version.name, kind, plural, namespaced: spec.scope === "Namespaced" };
}
