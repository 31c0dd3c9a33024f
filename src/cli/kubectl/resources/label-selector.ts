import { parseSelector } from "../../../machinery/labels.ts";

/** A selector's text as objects write it: equalities as labels, everything else as expressions. Throws StatusError. */
export function selectorObject(text: string): object {
  const { requirements } = parseSelector(text);
  const matchLabels: Record<string, string> = {};
  const matchExpressions: object[] = [];
  for (const { key, operator, values } of requirements) {
    if (operator === "=" || operator === "==") matchLabels[key] = values[0] ?? "";
    else if (operator === "exists") matchExpressions.push({ key, operator: "Exists" });
    else if (operator === "!") matchExpressions.push({ key, operator: "DoesNotExist" });
    else if (operator === "in") matchExpressions.push({ key, operator: "In", values });
    else matchExpressions.push({ key, operator: "NotIn", values });
  }
  return {
    ...(matchExpressions.length > 0 ? { matchExpressions } : {}),
    ...(Object.keys(matchLabels).length > 0 ? { matchLabels } : {}),
  };
}
