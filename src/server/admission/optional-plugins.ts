import { Namespace } from "../../api/core/namespace.ts";
import type { Pod } from "../../api/core/pod.ts";
import type { Service } from "../../api/core/service.ts";
import { field, path } from "../../machinery/fields.ts";
import { type LabelRequirement, parseSelector } from "../../machinery/labels.ts";
import { type FieldError, forbidden, invalid } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import { type AdmissionPlugin, isPodCreate, refusedName } from "./admission.ts";

type PodSpec = Pod["spec"];
const pods = { group: "", plural: "pods" };
const specOf = (object: AnyObject) => (object as AnyObject as unknown as Pod).spec;
const lists = ["initContainers", "containers", "ephemeralContainers"] as const;

/** Images are pulled at every start, so that only who may pull an image can use one that is on the node already. */
export const alwaysPullImages: AdmissionPlugin = {
  name: "AlwaysPullImages",
  handles: ({ operation, group, resource, subresource }) =>
    (operation === "CREATE" || operation === "UPDATE") && group === "" && resource === "pods" && subresource === "",
  mutate(object, previous) {
    const before = previous ? specOf(previous) : undefined;
    const spec = specOf(object);
    const changed: Partial<Record<(typeof lists)[number], unknown>> = {};
    for (const list of lists) {
      const containers: readonly { readonly name: string; readonly image?: string }[] = spec[list] ?? [];
      const old = new Map((before?.[list] ?? []).map(({ name, image }) => [name, image]));
      if (containers.length === 0) continue;
      // What runs already is left alone.
      changed[list] = containers.map((one) =>
        before && old.get(one.name) === one.image ? one : { ...one, imagePullPolicy: "Always" },
      );
    }
    return { ...object, spec: { ...spec, ...changed } } as AnyObject;
  },
  validate(object, previous) {
    if (!object || previous) return;
    const errors: FieldError[] = lists.flatMap((list) =>
      (specOf(object)[list] ?? []).flatMap(({ imagePullPolicy }, index) =>
        imagePullPolicy === "Always"
          ? []
          : [
              field.notSupported(path("spec", list).index(index).child("imagePullPolicy"), imagePullPolicy ?? "", [
                "Always",
              ]),
            ],
      ),
    );
    if (errors.length > 0) throw invalid({ group: "", kind: "Pod" }, object.metadata.name ?? "", errors);
  },
};

/** Nobody directs the traffic of foreign addresses to a Service of theirs. */
export const denyServiceExternalIPs: AdmissionPlugin = {
  name: "DenyServiceExternalIPs",
  handles: ({ operation, group, resource, subresource }) =>
    (operation === "CREATE" || operation === "UPDATE") && group === "" && resource === "services" && subresource === "",
  validate(object, previous) {
    const addresses = (service: AnyObject | undefined) =>
      (service as AnyObject as unknown as Service | undefined)?.spec?.externalIPs ?? [];
    const before = addresses(previous);
    if (addresses(object).every((address) => before.includes(address))) return;
    const why = "Use of external IPs is denied by admission control";
    throw forbidden({ group: "", plural: "services" }, object?.metadata.name ?? "", why);
  },
};

export interface NodeSelectors {
  /** What a namespace without the annotation selects. */
  readonly clusterDefault?: string;
  /** By namespace: what its pods may select at most. */
  readonly allowed: Readonly<Record<string, string>>;
}

const nodeSelectorNotes = ["scheduler.alpha.kubernetes.io/node-selector"];

/** Pods of a namespace run on the nodes that its annotation selects. */
export function podNodeSelector(registry: Registry, { clusterDefault, allowed }: NodeSelectors): AdmissionPlugin {
  const { cache, resource } = registry.of(Namespace);
  const wanted = async (name: string): Promise<Readonly<Record<string, string>>> => {
    const key = resource.key(undefined, name);
    if (!cache.get(key)) await cache.current();
    const { annotations } = objectOf<Namespace>(cache.get(key))?.metadata ?? {};
    const noted = nodeSelectorNotes.map((note) => annotations?.[note]).find((text) => text !== undefined);
    return labelsIn(noted ?? clusterDefault ?? "");
  };
  return {
    name: "PodNodeSelector",
    handles: isPodCreate,
    async mutate(object, _previous, { namespace }) {
      const selector = await wanted(namespace);
      const spec: PodSpec = specOf(object);
      for (const [key, value] of Object.entries(selector)) {
        if ((spec.nodeSelector?.[key] ?? value) === value) continue;
        const why = "pod node label selector conflicts with its namespace node label selector";
        throw forbidden(pods, refusedName(object), why);
      }
      if (Object.keys(selector).length === 0) return object;
      return { ...object, spec: { ...spec, nodeSelector: { ...spec.nodeSelector, ...selector } } } as AnyObject;
    },
    validate(object, _previous, { namespace }) {
      const most = allowed[namespace];
      if (!object || most === undefined || most === "") return;
      const limits = labelsIn(most);
      const outside = Object.entries(specOf(object).nodeSelector ?? {}).some(([key, value]) => limits[key] !== value);
      if (!outside) return;
      const why = "pod node label selector labels conflict with its namespace whitelist";
      throw forbidden(pods, object.metadata.name ?? "", why);
    },
  };
}

function labelsIn(text: string): Readonly<Record<string, string>> {
  if (text.trim() === "") return {};
  const { requirements } = parseSelector(text);
  return Object.fromEntries(requirements.map(({ key, values }: LabelRequirement) => [key, values[0] ?? ""]));
}
