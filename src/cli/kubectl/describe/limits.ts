import type { LimitRange, LimitRangeItem, Namespace, ResourceQuota } from "../../../api/generated/core-v1.ts";
import { formatQuantity, parseQuantity, quantityOf, quantityValue } from "../../../machinery/quantity.ts";
import { isStatus } from "../../../machinery/status-error.ts";
import { datedConditions } from "./conditions.ts";
import { type DescribeContext, defineDescriber, listAll } from "./describer.ts";
import { marks, nameRows } from "./metadata.ts";
import { amount, indent, row, sortedKeys, type Text, table } from "./text.ts";

/** `kubectl describe namespace` */
export const namespace = defineDescriber<Namespace>(
  "v1",
  async (namespace, context) => {
    const { metadata, status } = namespace;
    const quotas = await listKnown<ResourceQuota>(context, "resourcequotas", metadata.name);
    const limits = await listKnown<LimitRange>(context, "limitranges", metadata.name);
    return [
      row("Name", metadata.name),
      marks(namespace),
      row("Status", status?.phase),
      datedConditions(status?.conditions),
      quotas && ["", quotasText(quotas)],
      limits && ["", limitsText(limits)],
    ];
  },
  false,
);

/** Undefined where the server has no such type. */
async function listKnown<T>(context: DescribeContext, plural: string, namespace: string) {
  try {
    return await listAll<T>(context, { plural }, namespace);
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

function quotasText(quotas: readonly ResourceQuota[]): Text {
  if (quotas.length === 0) return "No resource quota.";
  return [
    "Resource Quotas",
    quotas
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .map(({ metadata, spec, status }) =>
        indent(
          1,
          row("Name", metadata.name),
          scopesText(spec?.scopes, "* "),
          "Resource\tUsed\tHard",
          "--------\t---\t---",
          sortedKeys(status?.hard).map(
            (name) => `${name}\t${amount(status?.used?.[name])}\t${amount(status?.hard?.[name])}`,
          ),
        ),
      ),
  ];
}

const limitHeads = [
  "Type",
  "Resource",
  "Min",
  "Max",
  "Default Request",
  "Default Limit",
  "Max Limit/Request Ratio",
] as const;

function limitsText(ranges: readonly LimitRange[]): Text {
  if (ranges.length === 0) return "No LimitRange resource.";
  const lines = table(
    limitHeads,
    ranges.flatMap(({ spec }) => (spec?.limits ?? []).flatMap(limitLines)),
  );
  return ["Resource Limits", lines.map((line) => ` ${line}`)];
}

/** One line for each resource that the item says something of. */
function limitLines(item: LimitRangeItem): readonly (readonly string[])[] {
  const { min, max, defaultRequest, maxLimitRequestRatio } = item;
  const columns = [min, max, defaultRequest, item.default, maxLimitRequestRatio];
  const names = [...new Set(columns.flatMap((column) => Object.keys(column ?? {})))].sort();
  return names.map((name) => [
    item.type,
    name,
    ...columns.map((column) => (column?.[name] === undefined ? "-" : amount(column[name]))),
  ]);
}

/** `kubectl describe limitrange` */
export const limitRange = defineDescriber<LimitRange>(
  "v1",
  (range) => [nameRows(range), table(limitHeads, (range.spec?.limits ?? []).flatMap(limitLines))],
  false,
);

const scopeTexts: Readonly<Record<string, string>> = {
  Terminating:
    "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system.",
  NotTerminating:
    "Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate.",
  BestEffort:
    "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.",
  NotBestEffort:
    "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service.",
};

function scopesText(scopes: readonly string[] = [], bullet: string): Text {
  const sorted = scopes.toSorted();
  return (
    sorted.length > 0 && [
      row("Scopes", sorted.join(", ")),
      sorted.map((scope) => scopeTexts[scope] && `${bullet}${scopeTexts[scope]}`),
    ]
  );
}

/** `kubectl describe resourcequota` */
export const resourceQuota = defineDescriber<ResourceQuota>(
  "v1",
  ({ metadata, spec, status }) => [
    nameRows({ metadata }),
    scopesText(spec?.scopes, " * "),
    table(
      ["Resource", "Used", "Hard"],
      sortedKeys(status?.hard).map((name) => {
        const hard = status?.hard?.[name] ?? "0";
        return [name, writtenAs(status?.used?.[name] ?? "0", hard), amount(hard)];
      }),
    ),
  ],
  false,
);

/** An amount in the way of writing of another. */
function writtenAs(used: string, hard: string): string {
  const { format } = parseQuantity(hard);
  const own = parseQuantity(used);
  return own.format === format ? formatQuantity(own) : quantityOf(quantityValue(used), format);
}
