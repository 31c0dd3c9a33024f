import type { KubeObject } from "../../machinery/object.ts";
import type { VersionMapping } from "../kind.ts";
import { sameInOtherVersion } from "../renamed-version.ts";

const stored = "authorization.k8s.io/v1";
const beta = "authorization.k8s.io/v1beta1";

type Review = KubeObject & { readonly spec?: Readonly<Record<string, unknown>> };

function rename(
  object: KubeObject,
  names: { readonly from: string; readonly to: string },
  apiVersion: string,
): KubeObject {
  const { spec = {} } = object as Review;
  const { [names.from]: value, ...rest } = spec;
  const next = value === undefined ? rest : { ...rest, [names.to]: value };
  return { ...object, apiVersion, spec: next } as KubeObject;
}

/** The version in which the list of groups was called `group`. */
export function groupMapping(kind: string): Readonly<Record<string, VersionMapping>> {
  return {
    [beta]: {
      type: `authorization/v1beta1.${kind}`,
      toStored: (object) => rename(object, { from: "group", to: "groups" }, stored),
      fromStored: (object) => rename(object, { from: "groups", to: "group" }, beta),
    },
  };
}

/** The older version of a review that is about oneself, and says it in the same words. */
export function selfMapping(kind: string): Readonly<Record<string, VersionMapping>> {
  return { [beta]: sameInOtherVersion(stored, { apiVersion: beta, type: `authorization/v1beta1.${kind}` }) };
}
