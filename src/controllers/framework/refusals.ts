import { isStatus } from "../../machinery/status-error.ts";

/** True when the server refused a new object because its namespace is going away, with whatever would own the object. */
export function namespaceEnds(error: unknown): boolean {
  if (!isStatus(error, "Forbidden")) return false;
  // The cause comes from namespace admission and is not among meta/v1's own.
  const causes: readonly { readonly reason?: string }[] = error.details?.causes ?? [];
  return causes.some(({ reason }) => reason === "NamespaceTerminating");
}
