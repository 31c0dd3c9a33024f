import type { FieldValidation } from "../../machinery/codec-json.ts";
import { parseFieldSelector } from "../../machinery/field-selector.ts";
import { field, path } from "../../machinery/fields.ts";
import { parseSelector } from "../../machinery/labels.ts";
import { validateFieldManager } from "../../machinery/metadata-validation.ts";
import { badRequest, type FieldError, invalid } from "../../machinery/status-error.ts";
import { type Selection, selectionOf } from "../../registry/selection.ts";
import type { Call } from "../call.ts";
import { isTrue } from "../request-info.ts";

type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions" | "DeleteOptions" | "ListOptions";

/** Which objects a list, watch or deletecollection is about. Throws BadRequest. */
export function selectionIn({ info, collection }: Call): Selection {
  const { query, namespace, name, named } = info;
  const labels = query.get("labelSelector");
  const fields = query.get("fieldSelector");
  const address = named ? `metadata.name=${name}` : "";
  const text = [address, fields ?? ""].filter((part) => part !== "").join(",");
  return selectionOf(collection.resource, {
    namespace: namespace || undefined,
    ...(labels ? { labels: parseSelector(labels) } : {}),
    ...(text ? { fields: parseFieldSelector(text) } : {}),
  });
}

/** A whole number in the query. Throws BadRequest in Go's words. */
export function integerIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^[+-]?\d{1,18}$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** A yes or no in the query; undefined when it is not said. */
export function booleanIn(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  return text === "" || isTrue(text); // a bare `?watch` means yes
}

export interface WriteParameters {
  readonly dryRun: boolean;
  /** Who owns what is written. */
  readonly fieldManager: string;
  readonly validation: FieldValidation;
  readonly force: boolean;
}

const validations = ["Ignore", "Warn", "Strict"] as const;

/** The parameters that all writes share. Throws Invalid. */
export function writeParameters({ info, request }: Call, kind: OptionsKind): WriteParameters {
  const { query } = info;
  const errors: FieldError[] = [];
  const dryRuns = query.getAll("dryRun").filter((text) => text !== "");
  const wrong = dryRuns.filter((text) => text !== "All");
  if (wrong.length > 0) errors.push(field.notSupported("dryRun", dryRuns, ["All"]));
  const asked = query.get("fieldValidation") ?? "";
  const validation = asked === "" ? "Warn" : validations.find((known) => known === asked);
  if (!validation) errors.push(field.notSupported("fieldValidation", asked, ["", "Ignore", "Strict", "Warn"]));
  const manager = query.get("fieldManager") ?? "";
  errors.push(...validateFieldManager(manager, path("fieldManager")));
  refuseOptions(kind, errors);
  return {
    dryRun: dryRuns.length > 0,
    fieldManager: manager || managerFrom(request.headers["user-agent"]),
    validation: validation ?? "Warn",
    force: isTrue(query.get("force")),
  };
}

/** Throws Invalid, as upstream words it for the options of a request. */
export function refuseOptions(kind: OptionsKind, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind }, "", errors);
}

// A client that does not name its manager is known by the first word of its user agent.
function managerFrom(agent: string | undefined): string {
  const [name = ""] = (agent ?? "").split("/");
  return (name || "unknown").replace(/[^\u0020-\u007e]/g, "").slice(0, 128);
}

/** Faults of a list's or watch's parameters. */
export function checkListParameters(query: URLSearchParams, watch: boolean): void {
  const match = query.get("resourceVersionMatch") ?? "";
  const version = query.get("resourceVersion") ?? "";
  const initial = query.has("sendInitialEvents");
  const place = "resourceVersionMatch";
  const errors: FieldError[] = [];
  if (watch) {
    if (initial && match !== "NotOlderThan") {
      errors.push(field.forbidden(place, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    }
    if (match !== "") {
      if (!initial) {
        errors.push(
          field.forbidden(place, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
        );
      }
      if (match !== "NotOlderThan") errors.push(field.notSupported(place, match, ["NotOlderThan"]));
      if (query.get("continue"))
        errors.push(field.forbidden(place, "resourceVersionMatch is forbidden when continue is provided"));
    }
  } else {
    if (match !== "") {
      if (version === "")
        errors.push(field.forbidden(place, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
      if (query.get("continue"))
        errors.push(field.forbidden(place, "resourceVersionMatch is forbidden when continue is provided"));
      if (match !== "Exact" && match !== "NotOlderThan") {
        errors.push(field.notSupported(place, match, ["Exact", "NotOlderThan", ""]));
      }
      if (match === "Exact" && version === "0") {
        errors.push(field.forbidden(place, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
      }
    }
    if (initial) errors.push(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  refuseOptions("ListOptions", errors);
}
