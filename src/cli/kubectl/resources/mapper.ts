import { NoResourceMatch } from "../messages.ts";
import type { ApiResource, Discovery } from "./discovery.ts";

/** Finds the resource types that people and manifests name. */
export interface Mapper {
  readonly discovery: Discovery;
  /** `po`, `pods`, `Pod`, `deployments.apps`, `deployments.v1.apps`. Throws NoResourceMatch. */
  resource(name: string): Promise<ApiResource>;
  /** Of a name and its group, as `secrets` and nothing, in the preferred version; undefined where the server has none. */
  groupResource(name: string, group: string): Promise<ApiResource | undefined>;
  /** Of a kind and its group, in the preferred version; undefined where the server has none. */
  groupKind(group: string, kind: string): Promise<ApiResource | undefined>;
  /** Of a manifest's apiVersion and kind; undefined where the server has none. */
  kind(apiVersion: string, kind: string): Promise<ApiResource | undefined>;
  /** The types of a category (`all`); undefined where there is no such category. */
  category(name: string): Promise<readonly ApiResource[] | undefined>;
  /** Every type once, in its preferred version. */
  preferred(): readonly ApiResource[];
}

/** A mapper over what is known; `refresh` asks the server again, once, when a name is not found. */
export function mapperOf(known: Discovery, refresh?: () => Promise<Discovery>): Mapper {
  let discovery = known;
  let fresh = refresh === undefined;
  const orRefreshed = async <T>(find: () => T | undefined): Promise<T | undefined> => {
    const found = find();
    if (found !== undefined || fresh || !refresh) return found;
    fresh = true;
    discovery = await refresh();
    return find();
  };
  return {
    get discovery() {
      return discovery;
    },
    async resource(name) {
      const found = await orRefreshed(() => findResource(discovery, name));
      if (found) return found;
      throw new NoResourceMatch(name.split(".")[0] ?? "");
    },
    groupResource: (name, group) => orRefreshed(() => findInGroup(discovery, name, group)),
    groupKind: (group, kind) =>
      orRefreshed(() => preferredOf(discovery).find((resource) => resource.group === group && resource.kind === kind)),
    kind: (apiVersion, kind) => orRefreshed(() => findKind(discovery, apiVersion, kind)),
    category: (name) =>
      orRefreshed(() => {
        const found = preferredOf(discovery).filter(({ categories }) => categories.includes(name));
        return found.length > 0 ? found : undefined;
      }),
    preferred: () => preferredOf(discovery),
  };
}

function preferredOf(discovery: Discovery): readonly ApiResource[] {
  return discovery.groups.flatMap(({ versions }) => {
    const seen = new Set<string>();
    return versions.flatMap(({ resources }) =>
      resources.filter(({ plural }) => {
        const first = !seen.has(plural);
        seen.add(plural);
        return first;
      }),
    );
  });
}

function findResource(discovery: Discovery, text: string): ApiResource | undefined {
  const [plural = "", ...rest] = text.split(".");
  if (rest.length >= 2) {
    // A version before the group: deployments.v1.apps.
    const [version = "", ...group] = rest;
    const exact = findIn(
      discovery,
      plural,
      (resource) => resource.version === version && resource.group === group.join("."),
    );
    if (exact) return exact;
  }
  if (rest.length === 1) {
    const exact = findIn(discovery, plural, ({ version, group }) => version === rest[0] && group === "");
    if (exact) return exact;
  }
  return findInGroup(discovery, plural, rest.join("."));
}

/** In a group, one that begins like it, or in any where none is named. */
function findInGroup(discovery: Discovery, name: string, group: string): ApiResource | undefined {
  if (group === "") return findIn(discovery, name, () => true);
  return (
    findIn(discovery, name, (resource) => resource.group === group) ??
    findIn(discovery, name, (resource) => resource.group.startsWith(group))
  );
}

/** By its full names first: a short name hides nobody's plural. */
function findIn(discovery: Discovery, text: string, fits: (resource: ApiResource) => boolean): ApiResource | undefined {
  const name = text.toLowerCase();
  const all = discovery.groups.flatMap(({ versions }) => versions.flatMap(({ resources }) => resources)).filter(fits);
  return (
    all.find(({ plural }) => plural === name) ??
    all.find(({ singular }) => singular === name) ??
    all.find(({ kind }) => kind.toLowerCase() === name) ??
    all.find(({ shortNames }) => shortNames.includes(text))
  );
}

function findKind(discovery: Discovery, apiVersion: string, kind: string): ApiResource | undefined {
  const [first = "", second] = apiVersion.split("/");
  const [group, version] = second === undefined ? ["", first] : [first, second];
  return discovery.groups
    .find(({ name }) => name === group)
    ?.versions.find((one) => one.version === version)
    ?.resources.find((resource) => resource.kind === kind);
}
