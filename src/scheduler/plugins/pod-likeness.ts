import { ReplicaSet } from "../../api/apps/replica-set.ts";
import { StatefulSet } from "../../api/apps/stateful-set.ts";
import { ReplicationController } from "../../api/core/replication-controller.ts";
import { Service } from "../../api/core/service.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { Informers } from "../../client/client.ts";
import { type Labels, selectorOfLabels, selectorOfObject } from "../../machinery/labels.ts";
import { type PodQuestion, selectorText } from "../framework/affinity-terms.ts";

/** Finds the pods that do the same work as a given one; undefined where it does not belong to any set. */
export type PodLikeness = (pod: Pod) => PodQuestion | undefined;

interface Likes {
  readonly text: string;
  matches(labels: Labels | undefined): boolean;
}

/** Pods are alike that the same Services and the same controller select. */
export function podLikeness(informers: Informers): PodLikeness {
  const services = informers.of(Service);
  const replicationControllers = informers.of(ReplicationController);
  const replicaSets = informers.of(ReplicaSet);
  const statefulSets = informers.of(StatefulSet);

  const ofOwner = ({ metadata: { namespace, ownerReferences } }: Pod): Likes | undefined => {
    const owner = ownerReferences?.find((reference) => reference.controller);
    if (!owner) return undefined;
    const key = { namespace, name: owner.name };
    switch (owner.kind) {
      case "ReplicationController": {
        const found = replicationControllers.get(key);
        if (!found?.spec.selector) return undefined;
        const selector = selectorOfLabels(found.spec.selector);
        return { text: selectorText(selector), matches: (labels) => selector.matches(labels) };
      }
      case "ReplicaSet":
      case "StatefulSet": {
        const found = owner.kind === "ReplicaSet" ? replicaSets.get(key) : statefulSets.get(key);
        if (!found) return undefined;
        const selector = selectorOfObject(found.spec.selector);
        return { text: selectorText(selector), matches: (labels) => selector.matches(labels) };
      }
      default:
        return undefined;
    }
  };

  return (pod) => {
    const { namespace, labels } = pod.metadata;
    const likes: Likes[] = [];
    for (const { spec } of services.by("namespace", namespace)) {
      if (!spec.selector || Object.keys(spec.selector).length === 0) continue;
      const selector = selectorOfLabels(spec.selector);
      if (selector.matches(labels)) likes.push({ text: selectorText(selector), matches: (l) => selector.matches(l) });
    }
    const owner = ofOwner(pod);
    if (owner) likes.push(owner);
    if (likes.length === 0) return undefined;
    return livingPods(namespace, likes.map(({ text }) => text).join("&"), (own) =>
      likes.every((like) => like.matches(own)),
    );
  };
}

/** Pods of a namespace that are not being deleted, by their labels. */
export function livingPods(
  namespace: string,
  text: string,
  matches: (labels: Labels | undefined) => boolean,
): PodQuestion {
  return {
    key: `living ${text}@${namespace}`,
    namespaces: new Set([namespace]),
    matches: ({ metadata }) =>
      metadata.namespace === namespace && !metadata.deletionTimestamp && matches(metadata.labels),
  };
}
