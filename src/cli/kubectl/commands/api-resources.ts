import { defineCommand } from "../command.ts";
import { bool, list, text } from "../flags/flag.ts";
import { CommandError, usageError } from "../messages.ts";
import { alignTabs, tableTabs } from "../output/tab-align.ts";
import { type ApiResource, discover } from "../resources/discovery.ts";
import { type Mapper, mapperOf } from "../resources/mapper.ts";

/** `kubectl api-resources` */
export const apiResources = defineCommand({
  name: "api-resources",
  short: "Print the supported API resources on the server",
  examples: `# Every resource
kubectl api-resources

# With verbs and categories
kubectl api-resources -o wide

# Those of one group that lie in namespaces
kubectl api-resources --api-group=apps --namespaced=true`,
  usage: "[flags]",
  flags: {
    "api-group": text("Only resources of this group; empty is the core group."),
    cached: bool("Believes what is kept on disk."),
    categories: list("Only resources of these categories."),
    namespaced: bool("Only resources that lie in namespaces, or with =false only those that do not.", {
      default: true,
    }),
    "no-headers": bool("Leaves out the head of the table."),
    output: text("What to print: wide or name.", { short: "o" }),
    "sort-by": text("Sorts by name or kind."),
    verbs: list("Only resources that have these verbs."),
  },
  async run({ session, args, flags, given, path }) {
    if (args.length > 0) throw usageError(path, `unexpected arguments: [${args.join(" ")}]`);
    if (!["", "wide", "name"].includes(flags.output)) {
      throw new CommandError(`--output ${flags.output} is not available`);
    }
    if (!["", "name", "kind"].includes(flags["sort-by"])) {
      throw new CommandError("--sort-by accepts only name or kind");
    }
    const wide = flags.output === "wide";
    const head = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", ...(wide ? ["VERBS", "CATEGORIES"] : [])];
    const print = (rows: readonly (readonly string[])[]) => {
      const lines = [...(flags["no-headers"] ? [] : [head]), ...rows].map((row) => `${row.join("\t")}\n`);
      session.host.stdout.write(alignTabs(lines.join(""), tableTabs));
    };
    const { api } = session;
    let mapper: Mapper;
    try {
      mapper = flags.cached ? await session.mapper() : mapperOf(await discover(api));
    } catch (error) {
      if (flags.output !== "name") print([]);
      throw error;
    }
    const shown = mapper
      .preferred()
      .filter(
        (resource) =>
          resource.verbs.length > 0 &&
          (!given.has("api-group") || resource.group === flags["api-group"]) &&
          (!given.has("namespaced") || resource.namespaced === flags.namespaced) &&
          flags.verbs.every((verb) => resource.verbs.includes(verb)) &&
          flags.categories.every((category) => resource.categories.includes(category)),
      );
    const sorted = shown.toSorted(orders[flags["sort-by"] as "" | "name" | "kind"]);
    const name = ({ plural, group }: ApiResource) => (group ? `${plural}.${group}` : plural);
    if (flags.output === "name") {
      for (const resource of sorted) session.say(name(resource));
      return;
    }
    const rows = sorted.map((resource) => [
      resource.plural,
      resource.shortNames.join(","),
      resource.group ? `${resource.group}/${resource.version}` : resource.version,
      String(resource.namespaced),
      resource.kind,
      ...(wide ? [resource.verbs.join(","), resource.categories.join(",")] : []),
    ]);
    print(rows);
  },
});

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const orders: Readonly<Record<"" | "name" | "kind", (a: ApiResource, b: ApiResource) => number>> = {
  "": (a, b) => compare(a.group, b.group) || compare(a.plural, b.plural),
  name: (a, b) => compare(a.plural, b.plural),
  kind: (a, b) => compare(a.kind, b.kind),
};
