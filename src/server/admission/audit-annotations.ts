import type { ServerRequest } from "../exchange.ts";

const annotations = new WeakMap<ServerRequest, Map<string, string>>();

/** Writes a fact about a request beside its audit events; a key that is there already keeps its first value. */
export function annotate(request: ServerRequest, key: string, value: string): void {
  const known = annotations.get(request) ?? new Map<string, string>();
  annotations.set(request, known);
  if (!known.has(key)) known.set(key, value);
}

/** What admission has written about a request so far, for its audit events. */
export function auditAnnotationsOf(request: ServerRequest): ReadonlyMap<string, string> | undefined {
  return annotations.get(request);
}
