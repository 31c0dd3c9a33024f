import type { Api } from "./api.ts";
import type { ApiResource, Discovery } from "./discovery.ts";

interface LegacyResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly kind: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** Discovery of a server that tells one version at a time: `answer` is what it said at `/api` or `/apis`. */
export async function legacyPart(api: Api, answer: unknown): Promise<Discovery["groups"]> {
  const { versions, groups = [] } = answer as {
    readonly versions?: readonly string[];
    readonly groups?: readonly {
      readonly name: string;
      readonly versions?: readonly { readonly version: string }[];
      readonly preferredVersion?: { readonly version: string };
    }[];
  };
  const listed = versions
    ? [{ name: "", versions }]
    : groups.map(({ name, versions = [], preferredVersion }) => {
        const all = versions.map(({ version }) => version);
        const first = preferredVersion?.version;
        return { name, versions: first ? [first, ...all.filter((version) => version !== first)] : all };
      });
  return await Promise.all(
    listed.map(async ({ name, versions }) => ({
      name,
      versions: await Promise.all(versions.map((version) => oneVersion(api, name, version))),
    })),
  );
}

async function oneVersion(
  api: Api,
  group: string,
  version: string,
): Promise<Discovery["groups"][number]["versions"][number]> {
  const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  try {
    const { resources = [] } = await api.call<{ readonly resources?: readonly LegacyResource[] }>({ path });
    const main = resources.filter(({ name }) => !name.includes("/"));
    return {
      version,
      stale: false,
      resources: main.map(
        (resource): ApiResource => ({
          group,
          version,
          kind: resource.kind,
          plural: resource.name,
          singular: resource.singularName || resource.kind.toLowerCase(),
          namespaced: resource.namespaced ?? false,
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          verbs: resource.verbs ?? [],
          subresources: resources
            .filter(({ name }) => name.startsWith(`${resource.name}/`))
            .map(({ name }) => name.slice(resource.name.length + 1)),
        }),
      ),
    };
  } catch {
    // An extension server that is away must not hide the others.
    return { version, stale: true, resources: [] };
  }
}
