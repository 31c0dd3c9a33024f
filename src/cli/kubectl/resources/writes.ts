import type { KindRef } from "../../../machinery/object.ts";
import { StatusError } from "../../../machinery/status-error.ts";
import { parseGoBool } from "../flags/go-values.ts";
import { CommandError } from "../messages.ts";
import { type ObjectPrinter, objectName, objectPrinter, type PrintFlagValues } from "../output/printer.ts";
import type { Session } from "../session.ts";
import type { ApiCall, Query } from "./api.ts";
import type { AnyObject } from "./resource-info.ts";
import { pathOf } from "./resource-info.ts";
import { is2016, objectName2016 } from "./style-2016.ts";

/** Whether a write is kept: `client` sends nothing at all. */
export type DryRun = "none" | "client" | "server";

/** Reads `--dry-run`; tells of its old forms. Throws CommandError. */
export function dryRunOf(session: Session, flags: { readonly "dry-run": string }): DryRun {
  const value = flags["dry-run"];
  if (value === "none" || value === "client" || value === "server") return value;
  if (value === "unchanged") {
    session.log("W", "--dry-run is deprecated and can be replaced with --dry-run=client.");
    return "client";
  }
  const old = parseGoBool(value);
  if ("problem" in old)
    throw new CommandError(`Invalid dry-run value (${value}). Must be "none", "server", or "client".`);
  const now = old.value ? "client" : "none";
  session.log("W", `--dry-run=${value} is deprecated (boolean value) and can be replaced with --dry-run=${now}.`);
  return now;
}

/** Reads `--validate` into what the server is asked for. Throws CommandError. */
export function validationOf(flags: { readonly validate: string }): "Strict" | "Warn" | "Ignore" {
  switch (flags.validate) {
    case "true":
    case "strict":
      return "Strict";
    case "warn":
      return "Warn";
    case "false":
    case "ignore":
      return "Ignore";
    default:
      throw new CommandError(
        `invalid - validate option "${flags.validate}"; must be one of: strict (or true), warn, ignore (or false)`,
      );
  }
}

/** The query of a write. */
export function writeQuery(options: {
  readonly dryRun?: DryRun;
  readonly fieldManager?: string;
  readonly validation?: string;
}): Query {
  return {
    dryRun: options.dryRun === "server" ? "All" : undefined,
    fieldManager: options.fieldManager,
    fieldValidation: options.validation,
  };
}

/** A call that makes an object. */
export function createCall(kind: KindRef<unknown>, object: AnyObject, query: Query): ApiCall {
  return { method: "POST", path: pathOf(kind, { namespace: object.metadata.namespace }), query, body: object };
}

/** What is said behind what was done, when it was not kept. */
export function dryRunNote(dryRun: DryRun): string {
  return dryRun === "none" ? "" : dryRun === "client" ? " (dry run)" : " (server dry run)";
}

/** Tells what was done to an object: `pod/a created`, or the object itself in the form of `-o`. */
export interface ResultPrinter {
  /** What was done may differ from object to object: `configured`, `unchanged`. */
  print(object: AnyObject, done: string): void;
}

/** The printer that the flags ask for. Throws CommandError. */
export async function resultPrinter(
  session: Session,
  flags: PrintFlagValues,
  dryRun: DryRun,
  options: { readonly as2016?: boolean } = {},
): Promise<ResultPrinter> {
  if (flags.output === "" && flags.template === "") {
    const note = dryRunNote(dryRun);
    const nameOf = options.as2016 || is2016(session.host) ? objectName2016 : objectName;
    return { print: (object, done) => session.say(`${nameOf(object)} ${done}${note}`) };
  }
  const printer: ObjectPrinter = await objectPrinter(session, flags);
  return { print: (object) => printer.print(object) };
}

/** The error with what was being done to which file before its message. */
export function withSource(error: unknown, verb: string, source: string): unknown {
  if (!source || !(error instanceof Error)) return error;
  const message = `error when ${verb} "${source}": ${error.message}`;
  if (error instanceof StatusError) {
    // Faults of fields are told by their causes, which name no file.
    return new StatusError(error.reason, message, { code: error.code, details: error.details });
  }
  return error instanceof CommandError ? new CommandError(message) : error;
}

/** Where the configuration that was applied last is kept. */
export const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** The object's configuration, as the annotation holds it, and the object with that annotation. */
export async function withLastApplied(object: AnyObject): Promise<AnyObject> {
  const { goJson } = await import("../output/json.ts");
  const { [lastApplied]: _, ...others } = object.metadata.annotations ?? {};
  const plain = { ...object, metadata: { ...object.metadata, annotations: others } };
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...others, [lastApplied]: `${goJson(plain)}\n` } },
  };
}
