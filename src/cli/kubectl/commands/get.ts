import { isStatus } from "../../../machinery/status-error.ts";
import { defineCommand } from "../command.ts";
import { bool, list, text } from "../flags/flag.ts";
import {
  allNamespacesFlag,
  chunkSizeFlag,
  fieldSelectorFlag,
  fileFlags,
  printFlags,
  selectorFlag,
} from "../flags/shared.ts";
import { CommandError, throwCollected, usageError } from "../messages.ts";
import { getOutput } from "../output/get-output.ts";
import { fetchTargets, type SelectionOptions, targetsOf } from "../resources/selection.ts";

/** `kubectl get` */
export const get = defineCommand({
  name: "get",
  short: "Display one or many resources",
  long: `Shows what the server holds: a table of one line per object, or the objects themselves in the form that -o asks for.

 Without a name every object of the type in the namespace is shown; selectors narrow that down. Several types stand with commas between them, and "all" is the common ones.

Use "kubectl api-resources" for a complete list of supported resources.`,
  examples: `# Every pod of the namespace
kubectl get pods

# One deployment as YAML
kubectl get deployment web -o yaml

# Pods of all namespaces with the nodes they run on
kubectl get pods -A -o wide

# One field of an object
kubectl get pod web-0 -o jsonpath={.status.phase}

# Follow what happens
kubectl get pods -w

# As things were five minutes ago, at a time or at a revision
kubectl get pods --at 5m`,
  usage:
    "[(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file|custom-columns|custom-columns-file|wide] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags]",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...selectorFlag,
    ...fieldSelectorFlag,
    ...allNamespacesFlag,
    ...chunkSizeFlag,
    at: text("Shows what was there then: a time as 2026-01-02T03:04:05Z, 5m for five minutes ago, or a revision."),
    "ignore-not-found": bool("An object that is not there is no error."),
    "label-columns": list("Labels that get a column each; several with commas.", { short: "L" }),
    "no-headers": bool("Leaves out the head of tables."),
    "output-watch-events": bool("With --watch: tells what happened to each object."),
    raw: text("A path at the server whose answer is printed as it is."),
    "server-print": bool("Lets the server make the table.", { default: true }),
    "show-kind": bool("Puts the type before each name."),
    "show-labels": bool("Adds a column of all labels."),
    "sort-by": text("Sorts by a field, as {.metadata.name}."),
    subresource: text("Shows the object's subresource, as status or scale."),
    watch: bool("Goes on and shows every change.", { short: "w" }),
    "watch-only": bool("Shows every change from now on, but not what is there."),
  },
  async run({ session, args, flags, path }) {
    if (flags.raw) {
      if (args.length > 0) throw usageError(path, "arguments may not be passed when --raw is specified");
      await (await import("../resources/raw.ts")).printRaw(session, flags.raw);
      return;
    }
    if (flags["output-watch-events"] && !flags.watch && !flags["watch-only"]) {
      throw new CommandError("--output-watch-events option can only be used with --watch or --watch-only");
    }
    if (args.length === 0 && flags.filename.length === 0 && !flags.kustomize) {
      session.host.stderr.write(
        'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n\n',
      );
      throw usageError(
        path,
        'Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).',
      );
    }
    const output = await getOutput(session, flags);
    const watching = flags.watch || flags["watch-only"];
    if (flags.at && watching) throw new CommandError("--at shows one moment; it cannot be watched");
    if (flags.at && flags.subresource) throw new CommandError("--at shows whole objects, not subresources");
    const moment = flags.at ? await import("../resources/moment.ts") : undefined;
    const options: SelectionOptions = {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      fieldSelector: flags["field-selector"],
      allNamespaces: flags["all-namespaces"],
      typeMeansAll: true,
      latest: true,
      chunkSize: flags["sort-by"] ? 0 : flags["chunk-size"],
      accept: output.accept,
      subresource: flags.subresource,
      includeObject: output.includeObject,
      revision: await moment?.revisionAt(session, flags.at),
    };
    const targets = await targetsOf(session, options);
    if (watching) {
      const { watchTargets } = await import("../resources/watch.ts");
      return await watchTargets(session, targets, options, { output, only: flags["watch-only"] });
    }
    const errors: unknown[] = [...targets.errors];
    const fetched = [];
    for await (const one of fetchTargets(session, targets, options)) {
      if (!("error" in one)) fetched.push(one);
      else if (!(flags["ignore-not-found"] && isStatus(one.error, "NotFound"))) errors.push(one.error);
    }
    const printed = output.printAll(fetched, { single: targets.single, ignoreNotFound: flags["ignore-not-found"] });
    if (!printed && errors.length === 0 && !flags["ignore-not-found"]) {
      const allNamespaced = !flags["all-namespaces"] && targets.targets.every(({ resource }) => resource.namespaced);
      session.complain(
        allNamespaced ? `No resources found in ${session.access.namespace} namespace.` : "No resources found",
      );
    }
    throwCollected(errors);
    return undefined;
  },
});
