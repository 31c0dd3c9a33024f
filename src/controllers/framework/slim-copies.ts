import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";

/** What controllers keep of an object: of a definition all but its schemas, which are long and read by none of them. */
export function slimCopy(kind: KindRef<unknown>, object: KubeObject): KubeObject {
  if (kind.plural !== CustomResourceDefinition.plural || kind.group !== CustomResourceDefinition.group) return object;
  const definition = object as unknown as CustomResourceDefinition;
  const versions = definition.spec.versions.map(({ schema: _schema, ...version }) => version);
  return { ...definition, spec: { ...definition.spec, versions } } as unknown as KubeObject;
}
