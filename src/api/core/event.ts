import { field, path } from "../../machinery/fields.ts";
import { dnsSubdomain, qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named } from "../checks.ts";
import { integer, nameColumn, text, wide } from "../columns.ts";
import { since } from "../durations.ts";
import { fillEmpty } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";
import { eventMappings } from "./event-versions.ts";

export type Event = core.Event;

/** A report of something that happened to an object; forgotten after an hour. */
export const Event = defineKind<core.Event>({
  type: "core/v1.Event",
  plural: "events",
  shortNames: ["ev"],
  scope: "Namespaced",
  createOnUpdate: true,
  ttl: 3600,
  defaults: (event) => fillEmpty(event, { involvedObject: {} }),
  validate: validateEvent,
  columns: [
    text("Last Seen", (event, { now }) => since(lastSeen(event), now)),
    text("Type", ({ type }) => type ?? ""),
    text("Reason", ({ reason }) => reason ?? ""),
    text("Object", ({ involvedObject: { kind = "", name } }) =>
      name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase(),
    ),
    wide(text("Subobject", ({ involvedObject }) => involvedObject.fieldPath ?? "")),
    wide(text("Source", sourceText)),
    text("Message", ({ message }) => (message ?? "").trim()),
    wide(text("First Seen", ({ firstTimestamp, eventTime }, { now }) => since(firstTimestamp || eventTime, now))),
    wide({ ...integer("Count", ({ count, series }) => series?.count ?? (count || 1)), type: "string" }),
    wide(nameColumn),
  ],
  fields: {
    ...involved("involvedObject"),
    ...involved("regarding"),
    reason: ({ reason }) => reason ?? "",
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? "",
    reportingController: ({ reportingComponent }) => reportingComponent ?? "",
    source: ({ source, reportingComponent }) => source?.component || (reportingComponent ?? ""),
    type: ({ type }) => type ?? "",
  },
  versions: eventMappings,
});

function involved(prefix: string): Readonly<Record<string, (event: core.Event) => string>> {
  const members = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"] as const;
  return Object.fromEntries(
    members.map((member) => [`${prefix}.${member}`, (event: core.Event) => event.involvedObject?.[member] ?? ""]),
  );
}

function lastSeen({ series, lastTimestamp, firstTimestamp, eventTime }: core.Event): string | undefined {
  return series?.lastObservedTime || lastTimestamp || firstTimestamp || eventTime;
}

function sourceText({ source, reportingComponent, reportingInstance }: core.Event): string {
  const component = source?.component || reportingComponent || "";
  const host = source?.host || (source?.component ? "" : reportingInstance) || "";
  return host ? `${component}, ${host}` : component;
}

const elsewhere = "does not match event.namespace";

function validateEvent(event: core.Event): Errors {
  const { metadata, involvedObject = {}, eventTime } = event;
  const about = involvedObject.namespace ?? "";
  const at = path("involvedObject", "namespace");
  const errors: FieldError[] = [];
  const mismatch = () => errors.push(field.invalid(at, about, elsewhere));
  if (!eventTime) {
    if (about === "" ? metadata.namespace && metadata.namespace !== "default" : about !== metadata.namespace)
      mismatch();
  } else {
    // An event about something without a namespace lies in one of these two.
    if (about === "" && metadata.namespace !== "default" && metadata.namespace !== "kube-system") mismatch();
    errors.push(...validateReport(event));
  }
  if (metadata.namespace) errors.push(...named(path("namespace"), metadata.namespace, dnsSubdomain));
  return errors;
}

function validateReport(event: core.Event): Errors {
  const { reportingComponent = "", reportingInstance = "", action = "", reason = "", message = "" } = event;
  const errors: FieldError[] = [];
  if (!reportingComponent) errors.push(field.required("reportingController"));
  errors.push(...named(path("reportingController"), reportingComponent, qualifiedName));
  for (const [member, value] of Object.entries({ reportingInstance, action, reason })) {
    if (!value) errors.push(field.required(member));
    if (value.length > 128) errors.push(field.invalid(member, "", "can have at most 128 characters"));
  }
  if (message.length > 1024) errors.push(field.invalid("message", "", "can have at most 1024 characters"));
  return errors;
}
