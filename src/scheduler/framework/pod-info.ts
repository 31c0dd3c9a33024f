import { type HostPort, hostPorts } from "../../api/core/host-ports.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import { placedRequests, type Resources, scoredRequests } from "./requests.ts";

/** A pod with what plugins ask of it again and again, computed once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  readonly requests: Resources;
  /** Requests with assumed amounts for containers that ask for none. */
  readonly scored: Resources;
  readonly ports: readonly HostPort[];
  readonly priority: number;
  /** Whether other pods must be asked about when it is placed, or it when others are. */
  readonly hasPodAffinity: boolean;
}

const infos = new WeakMap<Pod, PodInfo>();

/** The computed parts of a pod; the same object gives the same answer without computing again. */
export function podInfo(pod: Pod): PodInfo {
  let info = infos.get(pod);
  if (!info) {
    const { spec, metadata } = pod;
    info = {
      pod,
      uid: metadata.uid,
      requests: placedRequests(pod),
      scored: scoredRequests(spec),
      ports: hostPorts(pod),
      priority: spec.priority ?? 0,
      hasPodAffinity: spec.affinity?.podAffinity !== undefined || spec.affinity?.podAntiAffinity !== undefined,
    };
    infos.set(pod, info);
  }
  return info;
}

/** The info of a pod's newer form; what cannot have changed is carried over. */
export function renewedPodInfo(pod: Pod, previous: PodInfo): PodInfo {
  const known = infos.get(pod);
  if (known) return known;
  const resizing = (of: Pod) => of.status?.containerStatuses?.some((each) => each.allocatedResources) ?? false;
  if (pod.spec !== previous.pod.spec || resizing(pod) || resizing(previous.pod)) return podInfo(pod);
  const info = { ...previous, pod };
  infos.set(pod, info);
  return info;
}
