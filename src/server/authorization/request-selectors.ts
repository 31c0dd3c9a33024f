import { parseFieldSelector } from "../../machinery/field-selector.ts";
import { parseSelector } from "../../machinery/labels.ts";
import type { ResourceRequest } from "../request-info.ts";
import type { RequestSelectors } from "./authorizer.ts";

const narrowable = new Set(["list", "watch", "deletecollection"]);

/** The selectors of a request, for authorizers that allow a part of a list only. Never throws. */
export function requestSelectors({ verb, query }: ResourceRequest): RequestSelectors | undefined {
  if (!narrowable.has(verb)) return undefined;
  return selectorsOf(query.get("fieldSelector") ?? "", query.get("labelSelector") ?? "");
}

/** Reads selectors as text. What makes no sense narrows nothing: the request itself is refused later. */
export function selectorsOf(fields: string, labels: string): RequestSelectors | undefined {
  if (fields === "" && labels === "") return undefined;
  return {
    fields: fields === "" ? [] : orNone(() => parseFieldSelector(fields).requirements),
    labels: labels === "" ? [] : orNone(() => parseSelector(labels).requirements),
  };
}

function orNone<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch {
    return [];
  }
}
