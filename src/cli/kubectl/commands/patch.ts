import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { isDeepStrictEqual } from "node:util";
import { errorMessage } from "../../../lib/fault.ts";
import { defineCommand } from "../command.ts";
import { fileProblem } from "../config/kubeconfig.ts";
import { bool, text } from "../flags/flag.ts";
import { dryRunFlag, fieldManagerFlag, fileFlags, printFlags, recordFlag } from "../flags/shared.ts";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";
import type { PatchForm } from "../resources/local-patch.ts";
import { type AnyObject, pathOf } from "../resources/resource-info.ts";
import { forEachObject, selectObjects } from "../resources/selection.ts";
import { dryRunOf, resultPrinter, writeQuery } from "../resources/writes.ts";

const forms: Readonly<Record<PatchForm, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

/** `kubectl patch` */
export const patch = defineCommand({
  name: "patch",
  short: "Update fields of a resource",
  long: `Change some fields of an object and leave the others as they are.

 A strategic patch merges lists by their elements' names, a merge patch replaces them, and a JSON patch is a list of operations. Custom resources take merge and JSON patches only.`,
  examples: `# A node takes no more pods
kubectl patch node n1 -p '{"spec":{"unschedulable":true}}'

# One field, by operation
kubectl patch pod web --type=json -p='[{"op":"replace","path":"/spec/containers/0/image","value":"web:2"}]'`,
  usage: "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...dryRunFlag,
    ...recordFlag,
    ...fieldManagerFlag("kubectl-patch"),
    local: bool("Changes what the file says and prints it, without asking the server."),
    patch: text("The patch, in JSON or YAML.", { short: "p" }),
    "patch-file": text("A file that holds the patch."),
    subresource: text("Patches the object's subresource, as status or scale."),
    type: text("json, merge or strategic.", { default: "strategic" }),
  },
  async run({ session, args, flags }) {
    if (flags.patch && flags["patch-file"]) throw new CommandError("cannot specify --patch and --patch-file together");
    if (flags.local && args.length > 0) throw new CommandError("cannot specify --local and server resources");
    if (!flags.patch && !flags["patch-file"]) {
      throw new CommandError("must specify --patch or --patch-file containing the contents of the patch");
    }
    if (!(flags.type in forms)) {
      throw new CommandError(
        `--type must be one of [${Object.keys(forms).join(" ")}], not ${JSON.stringify(flags.type)}`,
      );
    }
    const form = flags.type as PatchForm;
    const written = flags.patch || (await patchFile(session.host, flags["patch-file"]));
    const dryRun = dryRunOf(session, flags);
    const { parseYaml } = await import("../../../machinery/codec-yaml.ts");
    let body: unknown;
    try {
      body = parseYaml(written);
    } catch (error) {
      throw new CommandError(`unable to parse ${JSON.stringify(written)}: ${errorMessage(error)}`);
    }
    // As upstream, nothing tells that it was only tried.
    const printer = await resultPrinter(session, flags, "none");
    const selection = { args, filenames: flags.filename, recursive: flags.recursive };
    const local = flags.local || dryRun === "client";
    const selected = await selectObjects(session, {
      ...selection,
      latest: !flags.local,
      local: flags.local,
      subresource: flags.subresource,
    });
    if (selected.infos.length === 0 && selected.errors.length === 0)
      throw new CommandError("no objects passed to patch");
    await forEachObject(selected, async (info) => {
      const { name, namespace, resource, object } = info;
      let patched: AnyObject;
      if (local) {
        patched = (await import("../resources/local-patch.ts")).patchedLocally(object, body, form);
      } else {
        patched = await session.api.call<AnyObject>({
          method: "PATCH",
          path: pathOf(resource, { name, namespace }, flags.subresource),
          query: writeQuery({ dryRun, fieldManager: flags["field-manager"] }),
          contentType: forms[form],
          body,
        });
      }
      const same = isDeepStrictEqual(withoutWriting(patched), withoutWriting(object));
      printer.print(patched, same ? "patched (no change)" : "patched");
    });
  },
});

/** What a write changes by itself. */
function withoutWriting(object: AnyObject): AnyObject {
  const { managedFields: _, resourceVersion: __, ...metadata } = object.metadata;
  return { ...object, metadata };
}

async function patchFile(host: Host, file: string): Promise<string> {
  if (file === "-") return await readAll(host.stdin);
  try {
    return readFileSync(resolve(host.cwd, file), "utf8");
  } catch (error) {
    throw new CommandError(`unable to read patch file: ${fileProblem(error, file)}`);
  }
}
