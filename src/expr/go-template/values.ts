/** A number with a point in a template: always Go's float64, whole or not. */
export class FloatLiteral {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/**
 * A value as templates see it. Whole numbers of JSON are Go's int64 and others its float64, both plain numbers here; whole
 * numbers of the template itself and of its functions are Go's int and bigints. undefined is Go's invalid value, null a nil
 * inside data.
 */
export type Value = undefined | null | boolean | number | bigint | string | FloatLiteral | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
export const isMap = (value: Value): value is ValueMap =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof FloatLiteral);

/** A value of one of Go's whole types. */
export function wholeOf(value: Value): bigint | undefined {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : undefined;
}

/** A value of Go's float64. */
export function floatOf(value: Value): number | undefined {
  if (value instanceof FloatLiteral) return value.value;
  return typeof value === "number" && !Number.isInteger(value) ? value : undefined;
}

/** Go's name of the type that holds such a value in decoded JSON. */
export function typeName(value: Value): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "boolean") return "bool";
  if (value instanceof FloatLiteral) return "float64";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  if (typeof value === "bigint") return "int";
  if (typeof value === "string") return "string";
  return isList(value) ? "[]interface {}" : "map[string]interface {}";
}

/** Empty and zero values, nil and false are not true. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value === null) return false;
  if (value instanceof FloatLiteral) return value.value !== 0;
  if (typeof value === "object") return isList(value) ? value.length > 0 : Object.keys(value).length > 0;
  return value !== 0 && value !== 0n && value !== "" && value !== false;
}

/** Keys in Go's order: by their bytes. */
export function sortedKeys(map: ValueMap): readonly string[] {
  return Object.keys(map).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
