import { Scale } from "../../api/autoscaling/scale.ts";
import { lookupType } from "../../api/type-info.ts";
import type { Served } from "../../registry/resource.ts";
import type { BodyKind } from "../bodies/read-body.ts";
import { bodyKind } from "./body-kinds.ts";

/** The Scale that a version speaks. */
export interface ScaleKind extends BodyKind {
  readonly group: string;
  readonly version: string;
  /** It is from before autoscaling/v1: labels as a map, and the selector's text beside them. */
  readonly early: boolean;
}

/** That of autoscaling/v1, but for the versions of workloads that had one of their own. */
export function scaleKindOf({ apiVersion, group, version }: Served): ScaleKind {
  const own = lookupType(`${apiVersion}.Scale`);
  if (own) return { kind: "Scale", apiVersion, group, version, type: own, early: true };
  return { ...bodyKind(Scale, lookupType), group: Scale.group, version: Scale.version, early: false };
}
