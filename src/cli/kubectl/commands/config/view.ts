import { defineCommand } from "../../command.ts";
import type { Kubeconfig } from "../../config/kubeconfig.ts";
import { KubeconfigFiles } from "../../config/kubeconfig-edit.ts";
import { kubeconfigDocument, minified, redacted } from "../../config/kubeconfig-text.ts";
import { bool, text } from "../../flags/flag.ts";
import { printFlags } from "../../flags/shared.ts";
import { CommandError, usageError } from "../../messages.ts";
import { objectPrinter } from "../../output/printer.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { embedded } from "./set-cluster.ts";

/** `kubectl config view` */
export const view = defineCommand({
  name: "view",
  short: "Display merged kubeconfig settings or a specified kubeconfig file",
  usage: "[flags]",
  long: "Shows the kubeconfig as commands see it: all files merged, keys and passwords left out.",
  examples: `# All of it
kubectl config view

# With keys and passwords
kubectl config view --raw

# The password of the user e2e
kubectl config view -o jsonpath='{.users[?(@.name == "e2e")].user.password}'`,
  flags: {
    ...printFlags,
    output: text(printFlags.output.usage, { short: "o", default: "yaml" }),
    flatten: bool("Puts the contents of certificate and key files in, so that the result can be carried away."),
    merge: bool("Merges all files.", { default: true }),
    minify: bool("Leaves out what the current context does not need."),
    raw: bool("Shows keys and passwords too."),
  },
  async run({ session, flags, args, given, path }) {
    if (args.length > 0) throw usageError(path, `unexpected arguments: [${args.join(" ")}]`);
    if (!flags.merge && !session.globals.kubeconfig) {
      throw new CommandError("if merge==false a precise file must be specified");
    }
    const { context } = session.globals;
    const whole = new KubeconfigFiles(session).content;
    let config: Kubeconfig = context ? { ...whole, currentContext: context } : whole;
    if (flags.minify) config = smallest(config);
    if (flags.flatten) config = flattened(config, session.kubeconfig);
    else if (!flags.raw) config = redacted(config);
    const document = kubeconfigDocument(config);
    // The one kind whose JSON is in the order of its fields.
    if (flags.output === "json") {
      session.say(JSON.stringify(document, undefined, 4));
      return;
    }
    if (flags.output === "name") {
      session.say("config/<unknown>"); // a kubeconfig has no name
      return;
    }
    const output = flags.template && !given.has("output") ? "" : flags.output || "yaml";
    const printer = await objectPrinter(session, { ...flags, output });
    printer.print(document as unknown as AnyObject);
  },
});

function smallest(config: Kubeconfig): Kubeconfig {
  if (!config.currentContext) throw new CommandError("current-context must exist in order to minify");
  const only = minified(config);
  if (!only) throw new CommandError(`cannot locate context ${config.currentContext}`);
  return only;
}

/** Files' contents in the place of their paths, which `found` has as absolute ones. */
function flattened(config: Kubeconfig, found: Kubeconfig): Kubeconfig {
  const into = <T extends object>(
    entries: ReadonlyMap<string, T>,
    places: ReadonlyMap<string, object>,
    names: readonly string[],
  ): ReadonlyMap<string, T> =>
    new Map(
      [...entries].map(([name, entry]) => {
        const result: Record<string, unknown> = Object.fromEntries(Object.entries(entry));
        for (const member of names) {
          const path = (places.get(name) as Readonly<Record<string, unknown>> | undefined)?.[member];
          if (typeof path !== "string" || path === "") continue;
          result[`${member}-data`] ??= embedded(path);
          delete result[member];
        }
        return [name, result as T];
      }),
    );
  return {
    ...config,
    clusters: into(config.clusters, found.clusters, ["certificate-authority"]),
    users: into(config.users, found.users, ["client-certificate", "client-key"]),
  };
}
