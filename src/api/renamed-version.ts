import type { VersionMapping } from "./kind.ts";

/** A version that says everything in the same words as the stored one: only the `apiVersion` differs. */
export function sameInOtherVersion(
  stored: string,
  served: { readonly apiVersion: string; readonly type: string },
): VersionMapping {
  return {
    type: served.type,
    toStored: (object) => ({ ...object, apiVersion: stored }),
    fromStored: (object) => ({ ...object, apiVersion: served.apiVersion }),
  };
}

/** As `sameInOtherVersion`, for a list of versions of one kind. */
export function sameInVersions(
  stored: string,
  served: Readonly<Record<string, string>>,
): Readonly<Record<string, VersionMapping>> {
  return Object.fromEntries(
    Object.entries(served).map(([apiVersion, type]) => [apiVersion, sameInOtherVersion(stored, { apiVersion, type })]),
  );
}
