import { Fault } from "../../lib/fault.ts";
import { field } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { StructInfo } from "../../machinery/type-info.ts";
import { lookupMeta } from "../../machinery/type-table.ts";
import type { DeleteOptions, Propagation } from "../../registry/delete.ts";
import { readObject } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";
import { bodyOptions } from "./body-options.ts";
import { booleanIn, integerIn, refuseOptions } from "./options.ts";

interface SentOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly preconditions?: DeleteOptions["preconditions"];
  readonly dryRun?: readonly string[] | null;
}

/** DeleteOptions, and whether they ask for a dry run: kubectl says so in the body, others in the query. */
export interface ReadDeleteOptions {
  readonly options: DeleteOptions;
  readonly dryRun: boolean;
}

const policies: readonly string[] = ["Background", "Foreground", "Orphan"];

/** DeleteOptions from the body, or from the query when there is none. Throws Invalid. */
export async function readDeleteOptions(call: Call): Promise<ReadDeleteOptions> {
  const sent = await sentOptions(call);
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions } = sent;
  const errors: FieldError[] = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    const text = "orphanDependents and deletionPropagation cannot be both set";
    errors.push(field.invalid("propagationPolicy", propagationPolicy, text));
  }
  if (propagationPolicy !== undefined && !policies.includes(propagationPolicy)) {
    errors.push(
      field.notSupported("propagationPolicy", propagationPolicy, ["Foreground", "Background", "Orphan", "nil"]),
    );
  }
  const dryRuns = sent.dryRun ?? [];
  if (dryRuns.some((text) => text !== "All")) errors.push(field.notSupported("dryRun", dryRuns, ["All"]));
  refuseOptions("DeleteOptions", errors);
  const policy =
    propagationPolicy ?? (orphanDependents === undefined ? undefined : orphanDependents ? "Orphan" : "Background");
  const options = {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(policy ? { propagationPolicy: policy as Propagation } : {}),
    ...(preconditions ? { preconditions } : {}),
  };
  return { options, dryRun: dryRuns.length > 0 };
}

async function sentOptions(call: Call): Promise<SentOptions> {
  const { request, info } = call;
  const fromQuery: SentOptions = {
    ...optional("gracePeriodSeconds", integerIn(info.query, "gracePeriodSeconds")),
    ...optional("propagationPolicy", info.query.get("propagationPolicy") ?? undefined),
    ...optional("orphanDependents", booleanIn(info.query, "orphanDependents")),
  };
  if (request.body.kind === "none") return fromQuery;
  const expected = { kind: "DeleteOptions", apiVersion: "v1", type: optionsType() };
  const sent = await readObject(request, expected, { ...bodyOptions(call, "Ignore"), anyKind: true, whenEmpty: {} });
  return { ...fromQuery, ...(sent as unknown as SentOptions) };
}

function optionsType(): StructInfo {
  const type = lookupMeta("meta/v1.DeleteOptions");
  if (!type) throw new Fault("internal", "meta/v1 has no DeleteOptions");
  return type;
}

function optional<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}
