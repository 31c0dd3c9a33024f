import { rmSync } from "node:fs";
import { defineCommand } from "../../command.ts";
import { bool, text } from "../../flags/flag.ts";
import {
  fieldManagerFlag,
  fileFlags,
  printFlags,
  recordFlag,
  saveConfigFlag,
  validateFlag,
} from "../../flags/shared.ts";
import { CommandError, silentExit, throwAll } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import { noSuchForm, withoutManagedFields } from "../../output/printer.ts";
import type { AnyObject, ResourceInfo } from "../../resources/resource-info.ts";
import { selectObjects } from "../../resources/selection.ts";
import { validationOf } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { headerText, objectsIn, type Reason, saysTheSame, withoutComments } from "./edited-text.ts";
import { openEditor, temporaryFile } from "./launch.ts";
import { invalidEdit, patchEdited, type SaveOptions, Saving } from "./save.ts";

/** `kubectl edit` */
export const edit = defineCommand({
  name: "edit",
  short: "Edit a resource on the server",
  long: `Opens objects of the server in your editor and sends what you changed when you leave it.

 The editor is what KUBE_EDITOR says, or EDITOR, or vi. What the server refuses is opened again with the reason at its head; leaving without a change gives up, and what you wrote stays in a file.`,
  examples: `# A service
kubectl edit svc/registry

# With another editor
KUBE_EDITOR="nano" kubectl edit svc/registry

# As JSON
kubectl edit job.v1.batch/myjob -o json`,
  usage: "(RESOURCE/NAME | -f FILENAME)",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...validateFlag,
    ...recordFlag,
    ...saveConfigFlag,
    ...fieldManagerFlag("kubectl-edit"),
    output: text("What to edit it as: yaml or json.", { short: "o" }),
    "output-patch": bool("Prints the patch that is sent."),
    subresource: text("Edits the object's subresource, as status or scale."),
    "windows-line-endings": bool("Gives the editor lines that end as on Windows."),
  },
  async run({ session, args, flags }) {
    const validation = validationOf(flags);
    if (!["", "yaml", "json"].includes(flags.output)) throw noSuchForm(flags.output, ["json", "yaml"]);
    const { infos, errors } = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      latest: true,
      subresource: flags.subresource,
    });
    throwAll(errors);
    if (infos.length === 0) throw new CommandError("edit cancelled, no objects found");
    await editing(session, infos, {
      json: flags.output === "json",
      managedFields: flags["show-managed-fields"],
      windows: flags["windows-line-endings"],
      validation,
      fieldManager: flags["field-manager"],
      saveConfig: flags["save-config"],
      tellPatch: flags["output-patch"],
      subresource: flags.subresource,
    });
  },
});

interface EditOptions extends SaveOptions {
  readonly json: boolean;
  readonly managedFields: boolean;
  readonly windows: boolean;
}

/** Opens the editor until what it leaves is saved, unchanged or given up. */
async function editing(session: Session, infos: readonly ResourceInfo[], options: EditOptions): Promise<void> {
  const original = await textOf(infos, options);
  let written = original;
  let again = false;
  let reasons: readonly Reason[] = [];
  let before: string | undefined;
  for (;;) {
    const header = options.json ? "" : headerText(reasons);
    const shown = header + written;
    const path = temporaryFile(
      session.host,
      options.windows ? shown.replaceAll("\n", "\r\n") : shown,
      options.json ? ".json" : ".yaml",
    );
    const kept = before ?? path;
    let edited: string;
    try {
      edited = (await openEditor(session.host, path)).text.replaceAll("\r\n", "\n");
    } catch (error) {
      if (before === undefined) rmSync(path, { force: true });
      else tellKept(session, kept);
      throw error;
    }
    if (before !== undefined) rmSync(before, { force: true });
    before = path;
    if (again && (await saysTheSame(written, edited))) {
      tellKept(session, path);
      throw new CommandError("Edit cancelled, no valid changes were saved.");
    }
    let objects: readonly AnyObject[];
    try {
      objects = await objectsIn(edited);
    } catch (error) {
      const { told, reason } = invalidEdit(infos[0]!, error);
      session.complain(told);
      [again, reasons, written] = [true, [reason], withoutComments(edited)];
      continue;
    }
    if (await saysTheSame(original, edited)) {
      rmSync(path, { force: true });
      session.complain("Edit cancelled, no changes made.");
      return;
    }
    const saving = new Saving();
    try {
      await patchEdited(session, infos, objects, options, saving);
    } catch (error) {
      tellKept(session, path);
      throw error;
    }
    if (saving.retryable > 0) {
      session.complain(`You can run \`kubectl replace -f ${path}\` to try this update again.`);
      throw silentExit(1);
    }
    if (saving.gone > 0) {
      session.complain(`The edits you made on deleted resources have been saved to ${JSON.stringify(path)}`);
      throw silentExit(1);
    }
    if (saving.reasons.length === 0) {
      rmSync(path, { force: true });
      return;
    }
    [again, reasons, written] = [true, saving.reasons, withoutComments(edited)];
  }
}

function tellKept(session: Session, path: string): void {
  session.complain(`A copy of your changes has been stored to ${JSON.stringify(path)}`);
}

async function textOf(infos: readonly ResourceInfo[], options: EditOptions): Promise<string> {
  const objects = infos.map(({ object }) => (options.managedFields ? object : withoutManagedFields(object)));
  const [first] = objects;
  const shown =
    objects.length === 1 && first
      ? first
      : ({ apiVersion: "v1", items: objects, kind: "List", metadata: {} } as unknown as AnyObject);
  if (options.json) return `${goJson(shown, "    ")}\n`;
  return (await import("../../../../machinery/yaml-text.ts")).encodeYaml(shown);
}
