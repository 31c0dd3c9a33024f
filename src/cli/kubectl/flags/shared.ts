import { bool, int, list, text } from "./flag.ts";

const outputForms =
  "json, yaml, kyaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file";

/** Flags of every command that prints objects. */
export const printFlags = {
  output: text(`What to print: one of ${outputForms}.`, { short: "o" }),
  template: text("The template, or the path of its file, for -o go-template and go-template-file."),
  "allow-missing-template-keys": bool("A key that an object has not gives nothing instead of an error in templates.", {
    default: true,
  }),
  "show-managed-fields": bool("Prints who owns which field (managedFields) in JSON and YAML."),
} as const;

/** Flags of commands that read manifests, and no kustomizations. */
export const manifestFlags = {
  filename: list("A file, folder or address of manifests, or - for stdin; may be given several times.", { short: "f" }),
  recursive: bool("Reads the folders within a folder too.", { short: "R" }),
} as const;

/** Flags of commands that read manifests. */
export const fileFlags = {
  ...manifestFlags,
  kustomize: text("A folder with a kustomization, which is built and read in the place of files.", { short: "k" }),
} as const;

/** `-R` of commands that read the folders within folders unless told otherwise. */
export const recursiveByDefault = {
  recursive: bool("Reads the folders within a folder too.", { short: "R", default: true }),
} as const;

/** `--windows-line-endings` */
export const windowsFlag = {
  "windows-line-endings": bool("Gives the editor lines that end as on Windows."),
} as const;

/** `--dry-run` */
export const dryRunFlag = {
  "dry-run": text(
    "none, server or client: client only prints what would be sent, server sends it and nothing is kept.",
    { default: "none", bare: "unchanged" },
  ),
} as const;

/** `--field-manager`, with the name that a command writes under. */
export const fieldManagerFlag = (manager: string) =>
  ({
    "field-manager": text("The name under which the fields that are written are owned.", { default: manager }),
  }) as const;

/** `--validate` */
export const validateFlag = {
  validate: text(
    "strict (or true) refuses unknown and doubled fields, warn tells of them, ignore (or false) drops them without a word.",
    { default: "strict", bare: "strict" },
  ),
} as const;

/** `-l`, `--selector` */
export const selectorFlag = {
  selector: text("Only objects whose labels fit, as app=web,tier!=db or 'app in (web, db)'.", { short: "l" }),
} as const;

/** `--field-selector` */
export const fieldSelectorFlag = {
  "field-selector": text(
    "Only objects whose fields fit, as status.phase=Running; which fields can be asked for depends on the type.",
  ),
} as const;

/** `-A`, `--all-namespaces` */
export const allNamespacesFlag = {
  "all-namespaces": bool("Looks into all namespaces, whatever --namespace says.", { short: "A" }),
} as const;

/** `--chunk-size` */
export const chunkSizeFlag = {
  "chunk-size": int("Long lists are fetched so many at a time; 0 fetches all at once.", { default: 500 }),
} as const;

/** `--all` */
export const allFlag = (usage = "Every object of the given types in the namespace.") => ({ all: bool(usage) }) as const;

/** `--save-config` */
export const saveConfigFlag = {
  "save-config": bool("Keeps the object's configuration in its annotation, so that it can be applied later."),
} as const;

/** `--record`, which does nothing that anyone should rely on. */
export const recordFlag = {
  record: bool("Keeps the command line in the annotation kubernetes.io/change-cause.", {
    deprecated: "--record will be removed in the future",
  }),
} as const;
