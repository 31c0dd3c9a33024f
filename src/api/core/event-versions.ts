import type { KubeObject } from "../../machinery/object.ts";
import type * as core from "../generated/core-v1.ts";
import type * as events from "../generated/events-v1.ts";
import type { VersionMapping } from "../kind.ts";

/** What events.k8s.io calls the members of a core event. All else is called the same. */
const renamed = {
  regarding: "involvedObject",
  note: "message",
  reportingController: "reportingComponent",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
} as const satisfies Partial<Record<keyof events.Event, keyof core.Event>>;

const inStored: Readonly<Record<string, string>> = renamed;
const inServed: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(renamed).map(([served, stored]) => [stored, served]),
);

function rename(object: KubeObject, names: Readonly<Record<string, string>>, apiVersion: string): KubeObject {
  const members = Object.entries(object).map(([name, value]) => [names[name] ?? name, value]);
  return { ...Object.fromEntries(members), apiVersion } as KubeObject;
}

function eventMapping(apiVersion: string, type: string): VersionMapping {
  return {
    type,
    toStored: (object) => rename(object, inStored, "v1"),
    fromStored: (object) => rename(object, inServed, apiVersion),
  };
}

/** Events are one kind that is served by two groups. */
export const eventMappings: Readonly<Record<string, VersionMapping>> = {
  "events.k8s.io/v1": eventMapping("events.k8s.io/v1", "events/v1.Event"),
  "events.k8s.io/v1beta1": eventMapping("events.k8s.io/v1beta1", "events/v1beta1.Event"),
};
