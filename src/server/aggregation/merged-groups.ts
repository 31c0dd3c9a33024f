import type { CatalogGroup, CatalogVersion } from "../discovery/catalog.ts";
import type { RemoteVersion } from "./aggregator.ts";
import { groupPriorities } from "./local-services.ts";

/** A group version in discovery: one of ours, or what another server says about its own. */
export interface DiscoveredVersion {
  readonly version: string;
  readonly apiVersion: string;
  readonly own?: CatalogVersion;
  readonly remote?: RemoteVersion;
}

export interface DiscoveredGroup {
  readonly name: string;
  /** The preferred one first. */
  readonly versions: readonly DiscoveredVersion[];
}

const customPriority = 1000;

/** All groups in their order: ours, and those of others where their priority puts them. */
export function discoveredGroups(
  own: readonly CatalogGroup[],
  remote: readonly RemoteVersion[],
): readonly DiscoveredGroup[] {
  const groups: DiscoveredGroup[] = own.map(({ name, versions }) => ({
    name,
    versions: versions.map((version) => ({
      version: version.version,
      apiVersion: version.apiVersion,
      own: version,
    })),
  }));
  const priorities = new Map(own.map(({ name }) => [name, groupPriorities[name] ?? customPriority]));
  const byPriority = [...remote].sort((a, b) => b.versionPriority - a.versionPriority);
  for (const one of byPriority) {
    const version: DiscoveredVersion = {
      version: one.version,
      apiVersion: one.group ? `${one.group}/${one.version}` : one.version,
      remote: one,
    };
    const at = groups.findIndex(({ name }) => name === one.group);
    const group = groups[at];
    if (group) {
      const others = group.versions.filter((known) => known.version !== one.version);
      groups[at] = { name: one.group, versions: [...others, version] };
      continue;
    }
    const before = groups.findIndex(({ name }) => (priorities.get(name) ?? 0) < one.groupPriority);
    groups.splice(before < 0 ? groups.length : before, 0, { name: one.group, versions: [version] });
    priorities.set(one.group, one.groupPriority);
  }
  return groups;
}
