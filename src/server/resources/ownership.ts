import type { AnyObject } from "../../registry/resource.ts";
import type { Call } from "../call.ts";
import type { WriteParameters } from "./options.ts";

/** Who owns which field after a write; objects are in the client's version. */
export interface Ownership {
  /** `next` with the managedFields that follow when `previous` becomes it. */
  update(next: AnyObject, previous: AnyObject | undefined): AnyObject;
  /** What `previous` becomes when `applied` is applied to it. Throws Conflict naming the fields of others. */
  apply(applied: AnyObject, previous: AnyObject | undefined): AnyObject;
}

export function ownership(_call: Call, _parameters: WriteParameters, _subresource: string): Ownership {
  return { update: (next) => next, apply: (applied, previous) => ({ ...previous, ...applied }) };
}
