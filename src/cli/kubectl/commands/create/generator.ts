import type { KindRef } from "../../../../machinery/object.ts";
import { StatusError } from "../../../../machinery/status-error.ts";
import { type Command, defineCommand, type Invocation } from "../../command.ts";
import type { Flags, ValuesOf } from "../../flags/flag.ts";
import { dryRunFlag, fieldManagerFlag, printFlags, saveConfigFlag, validateFlag } from "../../flags/shared.ts";
import { CommandError, ConnectionError, usageError } from "../../messages.ts";

import type { AnyObject } from "../../resources/resource-info.ts";
import {
  createCall,
  dryRunOf,
  resultPrinter,
  validationOf,
  withLastApplied,
  writeQuery,
} from "../../resources/writes.ts";

const commonFlags = {
  ...printFlags,
  ...dryRunFlag,
  ...validateFlag,
  ...saveConfigFlag,
  ...fieldManagerFlag("kubectl-create"),
} as const;

/** A way to make an object of one kind from flags. */
export interface Generator<F extends Flags> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly short: string;
  readonly long?: string;
  readonly examples?: string;
  readonly usage: string;
  readonly flags: F;
  readonly required?: readonly (string & keyof F)[];
  readonly kind: KindRef<unknown>;
  /** What stands before the server's refusal, as `failed to create deployment: `; absent: the refusal stands alone. */
  readonly failure?: string;
  /** The words besides the name, as `-- COMMAND`; default: none are taken. */
  readonly takesCommand?: boolean;
  /** The object without apiVersion and kind, the name and the namespace. Throws CommandError. */
  make(call: GeneratorCall<F>): Promise<Readonly<Record<string, unknown>>>;
}

export interface GeneratorCall<F extends Flags> extends Invocation<F> {
  readonly name: string;
  /** The words behind the name. */
  readonly command: readonly string[];
  readonly flags: ValuesOf<F>;
}

/** The subcommand of `create` that a generator is. */
export function generatorCommand<const F extends Flags>(generator: Generator<F>): Command {
  const { kind } = generator;
  return defineCommand({
    name: generator.name,
    aliases: generator.aliases,
    short: generator.short,
    long: generator.long,
    examples: generator.examples,
    usage: generator.usage,
    required: generator.required as never,
    flags: { ...generator.flags, ...commonFlags },
    async run(invocation) {
      const { session, args } = invocation;
      const flags = invocation.flags as unknown as ValuesOf<typeof commonFlags>;
      const own = invocation as unknown as Invocation<F>;
      const [name, ...command] = args;
      if (name === undefined || (command.length > 0 && !generator.takesCommand)) {
        throw usageError(invocation.path, `exactly one NAME is required, got ${args.length}`);
      }
      const dryRun = dryRunOf(session, flags);
      const validation = validationOf(flags);
      const printer = await resultPrinter(session, flags, dryRun);
      const made = await generator.make({ ...own, name, command });
      const { access } = session;
      const named = {
        apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version,
        kind: kind.kind,
        ...made,
        metadata: {
          name,
          ...(kind.namespaced && access.namespaceGiven ? { namespace: access.namespace } : {}),
          ...(made.metadata as object | undefined),
        },
      } as AnyObject;
      const object = flags["save-config"] ? await withLastApplied(named) : named;
      if (dryRun === "client") {
        printer.print(object, "created");
        return;
      }
      const placed = kind.namespaced
        ? { ...object, metadata: { ...object.metadata, namespace: access.namespace } }
        : object;
      const query = writeQuery({ dryRun, fieldManager: flags["field-manager"], validation });
      try {
        const created = await session.api.call<AnyObject>(createCall(kind, placed, query));
        printer.print(created, "created");
      } catch (error) {
        if (!generator.failure) throw error;
        if (error instanceof ConnectionError) throw new CommandError(generator.failure + error.detail);
        if (!(error instanceof StatusError || error instanceof CommandError)) throw error;
        throw new CommandError(generator.failure + error.message);
      }
    },
  });
}

/** A kind of the API that a generator makes. */
export function kindRef(apiVersion: string, kind: string, plural: string, namespaced = true): KindRef<unknown> {
  const [group = "", version] = apiVersion.split("/");
  return version === undefined
    ? { group: "", version: group, kind, plural, namespaced }
    : { group, version, kind, plural, namespaced };
}
