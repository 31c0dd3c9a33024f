import type { Registry } from "../../registry/registry.ts";
import type { AdmissionPlugin } from "./admission.ts";

/** The plugins that are on by default, in the order in which they are asked. */
export function defaultPlugins(_registry: Registry): readonly AdmissionPlugin[] {
  return [];
}
