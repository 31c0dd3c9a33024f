import values from "../../api/facts/enumerations.json" with { type: "json" };

const byType: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = values;

/** The texts that a field may have, or each element of it, where that is a closed set: `Always`, `Never`, `OnFailure`. */
export function valuesOf(typeName: string, field: string): readonly string[] | undefined {
  return byType[typeName]?.[field];
}
