import { Fault } from "../../lib/fault.ts";
import type { TypeLookup } from "../../machinery/type-info.ts";
import type { BodyKind } from "../bodies/read-body.ts";

interface DeclaredKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly declaration: { readonly type: string };
}

/** A kind that only comes as the body of a subresource. */
export function bodyKind(kind: DeclaredKind, lookup: TypeLookup): BodyKind {
  const type = lookup(kind.declaration.type);
  if (!type) throw new Fault("internal", `no type ${kind.declaration.type}`);
  return { kind: kind.kind, apiVersion: kind.apiVersion, type };
}
