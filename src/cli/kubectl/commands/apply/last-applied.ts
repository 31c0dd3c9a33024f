import { isStatus } from "../../../../machinery/status-error.ts";
import { defineCommand } from "../../command.ts";
import { bool, text } from "../../flags/flag.ts";
import { allFlag, dryRunFlag, fileFlags, manifestFlags, printFlags, selectorFlag } from "../../flags/shared.ts";
import { CommandError, throwAll } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import { selectObjects } from "../../resources/selection.ts";
import { dryRunOf, lastApplied, resultPrinter, withLastApplied, withSource } from "../../resources/writes.ts";

/** `kubectl apply view-last-applied` */
export const viewLastApplied = defineCommand({
  name: "view-last-applied",
  short: "View the latest last-applied-configuration annotations of a resource/object",
  usage: "(TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME)",
  flags: {
    ...fileFlags,
    ...selectorFlag,
    ...allFlag(),
    output: text("yaml or json.", { short: "o", default: "yaml" }),
  },
  async run({ session, args, flags }) {
    if (flags.output !== "yaml" && flags.output !== "json") {
      throw new CommandError(
        `Unexpected -o output mode: ${flags.output}, the flag 'output' must be one of yaml|json\nSee 'kubectl apply view-last-applied -h' for help and examples`,
      );
    }
    const { infos, errors } = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      all: flags.all,
      latest: true,
    });
    throwAll(errors);
    const { encodeYaml } = await import("../../../../machinery/yaml-text.ts");
    for (const { object } of infos) {
      const written = object.metadata.annotations?.[lastApplied];
      if (written === undefined) continue;
      const value: unknown = JSON.parse(written);
      session.host.stdout.write(flags.output === "yaml" ? encodeYaml(value) : `${goJson(value, "  ")}\n`);
    }
  },
});

/** `kubectl apply set-last-applied` */
export const setLastApplied = defineCommand({
  name: "set-last-applied",
  short: "Set the last-applied-configuration annotation on a live object to match the contents of a file",
  usage: "-f FILENAME",
  flags: {
    ...printFlags,
    filename: manifestFlags.filename,
    ...dryRunFlag,
    "create-annotation": bool("Makes the annotation where there is none."),
  },
  async run({ session, flags }) {
    const dryRun = dryRunOf(session, flags);
    const printer = await resultPrinter(session, flags, dryRun);
    const { infos, errors } = await selectObjects(session, {
      args: [],
      filenames: flags.filename,
    });
    throwAll(errors);
    const patches: { readonly path: string; readonly body: object; readonly before: AnyObject }[] = [];
    for (const { resource, name, namespace, object, source } of infos) {
      const path = pathOf(resource, { name, namespace });
      let before: AnyObject;
      try {
        before = await session.api.call<AnyObject>({ path });
      } catch (error) {
        throw isStatus(error, "NotFound") ? error : withSource(error, "retrieving", source);
      }
      const there = before.metadata.annotations?.[lastApplied];
      if (there === undefined && !flags["create-annotation"]) {
        throw new CommandError(
          `no last-applied-configuration annotation found on resource: ${name}, to create the annotation, run the command with --create-annotation`,
        );
      }
      const written = (await withLastApplied(object)).metadata.annotations?.[lastApplied];
      if (there === written) session.say(`set-last-applied ${name}: no changes required.`);
      else patches.push({ path, before, body: { metadata: { annotations: { [lastApplied]: written } } } });
    }
    for (const { path, body, before } of patches) {
      const query = { dryRun: dryRun === "server" ? "All" : undefined };
      const call = { method: "PATCH", path, query, body, contentType: "application/merge-patch+json" } as const;
      printer.print(dryRun === "client" ? before : await session.api.call<AnyObject>(call), "configured");
    }
  },
});
