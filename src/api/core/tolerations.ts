import type { Taint, Toleration } from "../generated/core-v1.ts";

/** A taint is tolerated by a toleration of its key, effect and value; an empty key with Exists tolerates all. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator = toleration.operator || "Equal";
  if (operator === "Exists") return true;
  if (operator !== "Equal" || !toleration.key) return false;
  return (toleration.value ?? "") === (taint.value ?? "");
}
