import { Namespace } from "../../api/core/namespace.ts";
import { forbidden, notFound, StatusError } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import { type AdmissionPlugin, type AdmissionRequest, refusedName } from "./admission.ts";

const immortal = new Set(["default", "kube-system", "kube-public"]);
/** Reviews of access are answered for namespaces that are not there, too. */
const anywhere = new Set(["localsubjectaccessreviews", "subjectaccessreviews"]);

/** Nothing is made in a namespace that is not there or on its way out, and some namespaces are never deleted. */
export function namespaceLifecycle(registry: Registry): AdmissionPlugin {
  const { cache, resource } = registry.of(Namespace);
  const find = (name: string) => objectOf<Namespace>(cache.get(resource.key(undefined, name)));

  const check = (namespace: Namespace | undefined, request: AdmissionRequest, object: AnyObject): AnyObject => {
    if (!namespace) throw notFound(resource.name, request.namespace);
    if (request.operation !== "CREATE" || namespace.status?.phase !== "Terminating") return object;
    const name = request.name || refusedName(object);
    const where = request.namespace;
    const refused = forbidden(
      { group: request.group, plural: request.resource },
      name,
      `unable to create new content in namespace ${where} because it is being terminated`,
    );
    const cause = {
      reason: "NamespaceTerminating",
      message: `namespace ${where} is being terminated`,
      field: "metadata.namespace",
    };
    throw new StatusError("Forbidden", refused.message, {
      details: { ...refused.details, causes: [cause] } as StatusError["details"],
    });
  };

  return {
    name: "NamespaceLifecycle",
    handles: ({ operation, resource: plural, group, namespace }) => {
      if (operation === "DELETE") return plural === "namespaces" && group === "";
      return namespace !== "" && plural !== "namespaces" && !anywhere.has(plural);
    },
    mutate(object, _previous, request) {
      const namespace = find(request.namespace);
      if (namespace) return check(namespace, request, object);
      return cache.current().then(() => check(find(request.namespace), request, object));
    },
    validate(_object, previous, request) {
      if (request.operation !== "DELETE" || !immortal.has(previous?.metadata.name ?? "")) return;
      throw forbidden(resource.name, previous?.metadata.name ?? "", "this namespace may not be deleted");
    },
  };
}
