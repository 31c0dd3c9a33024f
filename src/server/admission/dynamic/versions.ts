import { decodeValue } from "../../../machinery/codec-json.ts";
import { toServed } from "../../../registry/held.ts";
import type { AnyObject, Served } from "../../../registry/resource.ts";
import { toStored, withDefaults } from "../../../registry/write.ts";
import type { AdmissionRequest } from "../admission.ts";

/** An object of the stored version as it looks in another; what is no object of the resource stays as it is. */
export function inVersion(
  object: AnyObject | undefined,
  served: Served,
  { body }: AdmissionRequest,
): AnyObject | undefined {
  if (!object || body) return object;
  return { ...toServed(object, served), kind: served.kind, apiVersion: served.apiVersion };
}

/** What was changed in a version, decoded, with its defaults and in the stored version again. Throws Fault `invalid`. */
export function fromVersion(value: unknown, served: Served, { body }: AdmissionRequest): AnyObject {
  if (body) return value as AnyObject;
  const { object } = decodeValue<AnyObject>(served.type, value);
  const stored = toStored(withDefaults(object, served), served);
  return served.mapping ? withDefaults(stored, served.resource.stored) : stored;
}
