import type { KubeObject } from "../../machinery/object.ts";
import type { VersionMapping } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

const group = "flowcontrol.apiserver.k8s.io";
const stored = `${group}/v1`;

type Level = KubeObject & { readonly spec?: { readonly limited?: Readonly<Record<string, unknown>> } };

function rename(
  object: KubeObject,
  names: { readonly from: string; readonly to: string },
  apiVersion: string,
): KubeObject {
  const level = object as Level;
  const { limited } = level.spec ?? {};
  if (!limited || limited[names.from] === undefined) return { ...level, apiVersion };
  const { [names.from]: shares, ...rest } = limited;
  return { ...level, apiVersion, spec: { ...level.spec, limited: { ...rest, [names.to]: shares } } } as KubeObject;
}

const assured = "assuredConcurrencyShares";
const nominal = "nominalConcurrencyShares";

const shares = (version: string): VersionMapping => ({
  type: `flowcontrol/${version}.PriorityLevelConfiguration`,
  toStored: (object) => rename(object, { from: assured, to: nominal }, stored),
  fromStored: (object) => rename(object, { from: nominal, to: assured }, `${group}/${version}`),
});

/** The first two versions called a level's share assured. */
export const levelMappings: Readonly<Record<string, VersionMapping>> = {
  ...sameInVersions(stored, { [`${group}/v1beta3`]: "flowcontrol/v1beta3.PriorityLevelConfiguration" }),
  [`${group}/v1beta2`]: shares("v1beta2"),
  [`${group}/v1beta1`]: shares("v1beta1"),
};
