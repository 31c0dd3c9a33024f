import type { Node } from "../../api/core/node.ts";
import type { Pod } from "../../api/core/pod.ts";
import { RuntimeClass } from "../../api/node/runtime-class.ts";
import { PriorityClass } from "../../api/scheduling/priority-class.ts";
import { isEqual } from "../../machinery/equality.ts";
import { forbidden } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import { type AdmissionPlugin, type AdmissionRequest, isPodCreate, refusedName } from "./admission.ts";

type Toleration = NonNullable<Pod["spec"]["tolerations"]>[number];

const pods = { group: "", plural: "pods" };
const asPod = (object: AnyObject) => object as AnyObject as unknown as Pod;
const withSpec = (object: AnyObject, spec: Pod["spec"]) => ({ ...object, spec }) as AnyObject;

const waitedFor = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const waitSeconds = 300;

/** Pods stay on a node that is not ready or not reachable for five minutes, unless they say otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  handles: isPodCreate,
  mutate(object) {
    const { spec } = asPod(object);
    const present = spec.tolerations ?? [];
    const tolerates = (key: string) =>
      present.some((one) => (!one.key || one.key === key) && (!one.effect || one.effect === "NoExecute"));
    const added = waitedFor
      .filter((key) => !tolerates(key))
      .map((key): Toleration => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: waitSeconds }));
    return added.length === 0 ? object : withSpec(object, { ...spec, tolerations: [...present, ...added] });
  },
};

const isClassWrite = ({ operation, group, resource, subresource }: AdmissionRequest) =>
  (operation === "CREATE" || operation === "UPDATE") &&
  group === "scheduling.k8s.io" &&
  resource === "priorityclasses" &&
  subresource === "";

/** Gives a pod the number behind its priority class, and sees to it that there is one default class at most. */
export function priorityPlugin(registry: Registry): AdmissionPlugin {
  const { cache, resource } = registry.of(PriorityClass);
  const classes = () =>
    Array.from(cache.range(resource.range), ({ object }) => object as AnyObject as unknown as PriorityClass);
  let known: { readonly usual: PriorityClass | undefined } | undefined;
  cache.subscribe({}, () => {
    known = undefined;
  });
  // Of several that claim to be the default the lowest counts.
  const usualClass = () => {
    if (!known) {
      const claiming = classes().filter(({ globalDefault }) => globalDefault);
      known = { usual: claiming.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0] };
    }
    return known.usual;
  };
  return {
    name: "Priority",
    handles: (request) => isPodCreate(request) || isClassWrite(request),
    async validate(object, _previous, request) {
      if (!object || !isClassWrite(request)) return;
      const { globalDefault, metadata } = object as AnyObject as unknown as PriorityClass;
      if (!globalDefault) return;
      await cache.current();
      const other = classes().find((one) => one.globalDefault && one.metadata.name !== metadata.name);
      if (!other) return;
      const why = `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`;
      throw forbidden(resource.name, metadata.name ?? "", why);
    },
    async mutate(object, _previous, request) {
      if (isClassWrite(request)) return object;
      await cache.start();
      const { spec } = asPod(object);
      const refuse = (why: string) => forbidden(pods, refusedName(object), why);
      const name = spec.priorityClassName;
      let chosen = name ? objectOf<PriorityClass>(cache.get(resource.key(undefined, name))) : undefined;
      if (name && !chosen) {
        await cache.current();
        chosen = objectOf<PriorityClass>(cache.get(resource.key(undefined, name)));
        if (!chosen) throw refuse(`no PriorityClass with name ${name} was found`);
      }
      chosen ??= usualClass();
      const priority = chosen?.value ?? 0;
      const preemptionPolicy = chosen?.preemptionPolicy ?? "PreemptLowerPriority";
      if (spec.priority !== undefined && spec.priority !== null && spec.priority !== priority) {
        throw refuse(
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
        );
      }
      if (spec.preemptionPolicy && spec.preemptionPolicy !== preemptionPolicy) {
        throw refuse(
          `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
        );
      }
      const className = name || chosen?.metadata.name;
      return withSpec(object, {
        ...spec,
        ...(className ? { priorityClassName: className } : {}),
        priority,
        preemptionPolicy,
      });
    },
  };
}

/** Adds what a runtime class says of its pods: what they cost beside their containers, and where they can run. */
export function runtimeClassPlugin(registry: Registry): AdmissionPlugin {
  const { cache, resource } = registry.of(RuntimeClass);
  return {
    name: "RuntimeClass",
    handles: isPodCreate,
    mutate(object) {
      const { spec } = asPod(object);
      const name = spec.runtimeClassName;
      if (name) return withRuntime(object, name);
      if (!spec.overhead) return object;
      throw forbidden(
        pods,
        refusedName(object),
        "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
      );
    },
  };

  async function withRuntime(object: AnyObject, name: string): Promise<AnyObject> {
    const { spec } = asPod(object);
    await cache.current();
    const runtime = objectOf<RuntimeClass>(cache.get(resource.key(undefined, name)));
    if (!runtime)
      throw forbidden(pods, refusedName(object), `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
    const { overhead, scheduling } = runtime;
    if (spec.overhead && !isEqual(spec.overhead, overhead?.podFixed)) {
      throw forbidden(
        pods,
        refusedName(object),
        "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
      );
    }
    const conflict = Object.entries(scheduling?.nodeSelector ?? {}).find(
      ([key, value]) => (spec.nodeSelector?.[key] ?? value) !== value,
    );
    if (conflict) {
      throw forbidden(
        pods,
        refusedName(object),
        `conflict: runtimeClass.scheduling.nodeSelector[${conflict[0]}] = ${conflict[1]}; pod.spec.nodeSelector[${conflict[0]}] = ${spec.nodeSelector?.[conflict[0]]}`,
      );
    }
    const nodeSelector = { ...spec.nodeSelector, ...scheduling?.nodeSelector };
    const more = (scheduling?.tolerations ?? []).filter(
      (one) => !spec.tolerations?.some((other) => isEqual(one, other)),
    );
    return withSpec(object, {
      ...spec,
      ...(overhead?.podFixed ? { overhead: overhead.podFixed } : {}),
      ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
      ...(more.length > 0 ? { tolerations: [...(spec.tolerations ?? []), ...more] } : {}),
    });
  }
}

const notReady = "node.kubernetes.io/not-ready";

/** A new node gets no pods before its agent has said that it is ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  handles: ({ operation, resource, subresource, group }) =>
    operation === "CREATE" && resource === "nodes" && group === "" && subresource === "",
  mutate(object) {
    const { spec } = object as AnyObject as unknown as Node;
    const taints = spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady && effect === "NoSchedule")) return object;
    return { ...object, spec: { ...spec, taints: [...taints, { key: notReady, effect: "NoSchedule" }] } } as AnyObject;
  },
};
