import { type Amounts, podTotal, sumOf } from "../../../api/core/pod-totals.ts";
import type { NodeStatus, Pod } from "../../../api/generated/core-v1.ts";
import { milliValue, quantityValue } from "../../../machinery/quantity.ts";
import { ageText } from "../output/age.ts";
import { amount, indent, type Text, table } from "./text.ts";

interface Use {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/** What runs on a node, and how much of the node is given away. */
export function nodeUseText(pods: readonly Pod[], { capacity, allocatable }: NodeStatus, now: number): Text {
  const given = Object.keys(allocatable ?? {}).length > 0 ? (allocatable ?? {}) : (capacity ?? {});
  const uses = pods.map((pod) => ({ pod, use: useOf(pod) }));
  const total = uses.reduce<Use>(
    (sum, { use }) => ({ requests: sumOf(sum.requests, use.requests), limits: sumOf(sum.limits, use.limits) }),
    { requests: {}, limits: {} },
  );
  const shares = ({ requests, limits }: Use, name: string, none?: number) => [
    shareText(name, requests, given, none),
    shareText(name, limits, given, none),
  ];
  const others = Object.keys(given)
    .filter((name) => !(name in ordinary))
    .sort();
  const huge = others.filter((name) => name.startsWith("hugepages-"));
  const extended = others.filter((name) => !name.startsWith("hugepages-"));
  return [
    `Non-terminated Pods:\t(${pods.length} in total)`,
    indent(
      1,
      table(
        ["Namespace", "Name", "", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age"],
        uses.map(({ pod: { metadata }, use }) => [
          metadata.namespace,
          metadata.name,
          "",
          ...shares(use, "cpu"),
          ...shares(use, "memory"),
          ageText(metadata.creationTimestamp, now),
        ]),
      ),
    ),
    "Allocated resources:",
    "  (Total limits may be over 100 percent, i.e., overcommitted.)",
    indent(
      1,
      table(
        ["Resource", "Requests", "Limits"],
        [
          ...["cpu", "memory", "ephemeral-storage", ...huge].map((name) => [name, ...shares(total, name, 0)]),
          ...extended.map((name) => [name, amount(total.requests[name]), amount(total.limits[name])]),
        ],
      ),
    ),
  ];
}

const ordinary: Readonly<Record<string, true>> = { cpu: true, memory: true, "ephemeral-storage": true, pods: true };

/** What a pod takes with its overhead, which counts against a limit only where there is one. */
function useOf({ spec }: Pod): Use {
  const { overhead = {} } = spec;
  const limits = podTotal(spec, "limits");
  const limited = Object.fromEntries(Object.entries(overhead).filter(([name]) => limits[name] !== undefined));
  return { requests: sumOf(podTotal(spec, "requests"), overhead), limits: sumOf(limits, limited) };
}

/** `250m (12%)`; `none` is the share of a node that has nothing of it, which upstream tells as the number that Go makes of 0/0. */
function shareText(name: string, use: Amounts, given: Amounts, none: number | undefined): string {
  const count = name === "cpu" ? milliValue : quantityValue;
  const whole = count(given[name] ?? "0");
  const share = whole === 0 ? (none ?? -(2n ** 63n)) : Math.trunc((count(use[name] ?? "0") / whole) * 100);
  return `${amount(use[name])} (${share}%)`;
}
