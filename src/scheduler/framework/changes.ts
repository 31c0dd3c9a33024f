import type { Node, Pod } from "../../api/generated/core-v1.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type { NodeInfo } from "./node-info.ts";
import type { PodInfo } from "./pod-info.ts";

/** What may make a pod fit that did not fit before. */
export type ClusterEvent =
  | "Node/add"
  | "Node/labels"
  | "Node/taints"
  | "Node/allocatable"
  | "Node/unschedulable"
  | "AssignedPod/add"
  | "AssignedPod/labels"
  | "AssignedPod/resources"
  | "AssignedPod/delete"
  | "Pod/update"
  | "Pod/delete"
  | "Namespace/labels"
  | "PersistentVolume/change"
  | "PersistentVolumeClaim/change"
  | "StorageClass/change"
  | "CSINode/change"
  | "CSIDriver/change"
  | "CSIStorageCapacity/change"
  | "VolumeAttachment/delete";

/** One change with the objects it is about, where plugins look at them. */
export interface ClusterChange {
  readonly event: ClusterEvent;
  readonly node?: Node;
  readonly previousNode?: Node;
  /** The pod that came, changed or went. */
  readonly pod?: Pod;
  readonly previousPod?: Pod;
  /** The node that a placed pod left, as it is now. */
  readonly place?: NodeInfo;
  /** Pods that wait for that node: what became free there is meant for them. */
  readonly awaiting?: readonly PodInfo[];
  /** Any other object. */
  readonly object?: KubeObject;
}

/** When a pod that a plugin rejected is tried again: on an event, and where `helps` is given only if it says so. */
export interface RetryHint {
  readonly on: ClusterEvent;
  /** True when the change may make the pod fit. Cheap: it is asked for every waiting pod. */
  readonly helps?: (pod: Pod, change: ClusterChange) => boolean;
}

/** A hint without conditions is written as the event alone. */
export type Retry = ClusterEvent | RetryHint;

/** Hints of a plugin by event. */
export type RetryTable = ReadonlyMap<ClusterEvent, RetryHint>;

export function retryTable(retries: readonly Retry[]): RetryTable {
  return new Map(
    retries.map((retry) => {
      const hint = typeof retry === "string" ? { on: retry } : retry;
      return [hint.on, hint];
    }),
  );
}
