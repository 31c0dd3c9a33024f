import { isEqual } from "../../../machinery/equality.ts";
import { validLabelValue } from "../../../machinery/names.ts";
import { type Command, defineCommand } from "../command.ts";
import { bool, text } from "../flags/flag.ts";
import {
  allFlag,
  allNamespacesFlag,
  dryRunFlag,
  fieldManagerFlag,
  fieldSelectorFlag,
  fileFlags,
  printFlags,
  recordFlag,
  selectorFlag,
} from "../flags/shared.ts";
import { CommandError } from "../messages.ts";
import { type AnyObject, pathOf } from "./resource-info.ts";
import { forEachObject, selectObjects } from "./selection.ts";
import { dryRunOf, resultPrinter, writeQuery } from "./writes.ts";

type Member = "labels" | "annotations";

interface Changes {
  readonly set: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
}

/** The command that sets and removes labels, or annotations. */
export function metadataCommand(
  command: Pick<Command, "name" | "short" | "long" | "examples" | "usage"> & { readonly member: Member },
): Command {
  const { member, ...told } = command;
  const noun = member === "labels" ? "label" : "annotation";
  return defineCommand({
    ...told,
    flags: {
      ...printFlags,
      ...fileFlags,
      ...selectorFlag,
      ...fieldSelectorFlag,
      ...allNamespacesFlag,
      ...allFlag(),
      ...dryRunFlag,
      ...recordFlag,
      ...fieldManagerFlag(`kubectl-${command.name}`),
      list: bool(`Prints the ${member}.`),
      local: bool("Changes what the file says and prints it, without asking the server."),
      overwrite: bool("Changes what has another value."),
      "resource-version": text("Writes only if the object is still at this version; for one object."),
    },
    async run({ session, args, flags }) {
      const at = args.findIndex((word) => isChange(word));
      const resources = at < 0 ? args : args.slice(0, at);
      const words = at < 0 ? [] : args.slice(at);
      if (flags.all && flags.selector) throw new CommandError("cannot set --all and --selector at the same time");
      if (flags.all && flags["field-selector"]) {
        throw new CommandError("cannot set --all and --field-selector at the same time");
      }
      if (flags.local && (resources.length > 0 || flags.filename.length === 0)) {
        throw new CommandError(
          "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set",
        );
      }
      if (resources.length === 0 && flags.filename.length === 0) {
        throw new CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>");
      }
      const changes = readChanges(words, noun);
      if (changes.set.size === 0 && changes.remove.length === 0 && !flags.list) {
        throw new CommandError(`at least one ${noun} update is required`);
      }
      const dryRun = dryRunOf(session, flags);
      const printer = await resultPrinter(session, flags, dryRun);
      const selected = await selectObjects(session, {
        args: resources,
        filenames: flags.filename,
        recursive: flags.recursive,
        labelSelector: flags.selector,
        fieldSelector: flags["field-selector"],
        allNamespaces: flags["all-namespaces"],
        all: flags.all,
        latest: !flags.local,
        local: flags.local,
        chunkSize: 500,
      });
      const several = selected.infos.length > 1;
      if (flags["resource-version"] && several) {
        throw new CommandError("--resource-version may only be used with a single resource");
      }
      await forEachObject(selected, async ({ resource, object, name, namespace }) => {
        const before = object.metadata[member] ?? {};
        if (!flags.overwrite) refuseOverwriting(before, changes, noun);
        for (const key of changes.remove) {
          if (member === "labels" && !Object.hasOwn(before, key)) session.say(`label "${key}" not found.`);
        }
        const after = { ...before, ...Object.fromEntries(changes.set) };
        for (const key of changes.remove) delete after[key];
        const same = isEqual(before, after);
        let changed: AnyObject = { ...object, metadata: { ...object.metadata, [member]: after } };
        if (!flags.list && !flags.local && dryRun !== "client") {
          if (!same || flags["resource-version"] || member === "annotations") {
            changed = await session.api.call<AnyObject>({
              method: "PATCH",
              path: pathOf(resource, { namespace, name }),
              query: writeQuery({ dryRun, fieldManager: flags["field-manager"] }),
              contentType: "application/merge-patch+json",
              body: patchOf(member, before, after, flags["resource-version"]),
            });
          }
        }
        if (flags.list) {
          if (several) {
            session.say(`Listing ${member} for ${resource.kind}.${resource.group}/${name}:`);
          }
          for (const [key, value] of Object.entries(changed.metadata[member] ?? {}).sort(byKey)) {
            session.say(`${several ? " " : ""}${key}=${value}`);
          }
          return;
        }
        printer.print(changed, outcome(member, { same, changes, before }));
      });
    },
  });
}

const byKey = ([a]: readonly [string, string], [b]: readonly [string, string]) => (a < b ? -1 : 1);

/** `key=value` or `key-`; a word before the first of these names a resource. */
function isChange(word: string): boolean {
  return (word.includes("=") && !word.startsWith("=")) || (word.endsWith("-") && word !== "-");
}

function readChanges(words: readonly string[], noun: string): Changes {
  const set = new Map<string, string>();
  const remove: string[] = [];
  for (const word of words) {
    const at = word.indexOf("=");
    if (at > 0) {
      const [key, value] = [word.slice(0, at), word.slice(at + 1)];
      if (noun === "label") {
        const problems = validLabelValue(value);
        if (problems.length > 0)
          throw new CommandError(`invalid label value: ${JSON.stringify(word)}: ${problems.join("; ")}`);
      }
      set.set(key, value);
    } else if (word.endsWith("-")) remove.push(word.slice(0, -1));
    else throw new CommandError(`unknown ${noun} spec: ${word}`);
  }
  const both = remove.find((key) => set.has(key));
  if (both !== undefined) {
    throw new CommandError(
      noun === "label"
        ? "can not both modify and remove a label in the same command"
        : `can not both modify and remove the following ${noun}(s) in the same command: ${both}`,
    );
  }
  return { set, remove };
}

function refuseOverwriting(before: Readonly<Record<string, string>>, changes: Changes, noun: string): void {
  const taken = [...changes.set].filter(([key, value]) => Object.hasOwn(before, key) && before[key] !== value);
  if (taken.length === 0) return;
  const texts = taken.map(([key]) => `'${key}' already has a value (${before[key]})`);
  if (noun === "label") {
    const told = texts.map((text) => `${text}, and --overwrite is false`);
    throw new CommandError(told.length === 1 ? (told[0] ?? "") : `[${told.join(", ")}]`);
  }
  throw new CommandError(`--overwrite is false but found the following declared annotation(s): ${texts.join("; ")}`);
}

function patchOf(
  member: Member,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  resourceVersion: string,
): object {
  const changed = Object.entries(after).filter(([key, value]) => before[key] !== value);
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const values = Object.fromEntries([...changed, ...removed.map((key) => [key, null] as const)]);
  return { metadata: { [member]: values, ...(resourceVersion ? { resourceVersion } : {}) } };
}

function outcome(
  member: Member,
  { same, changes, before }: { readonly same: boolean; readonly changes: Changes; readonly before: object },
): string {
  if (member === "annotations") return "annotated";
  if (same) return "not labeled";
  return changes.set.size === 0 && changes.remove.some((key) => Object.hasOwn(before, key)) ? "unlabeled" : "labeled";
}
