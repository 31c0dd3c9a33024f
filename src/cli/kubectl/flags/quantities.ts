import { canonicalQuantity, quantityFault } from "../../../machinery/quantity.ts";
import { CommandError } from "../messages.ts";

/** Reads `cpu=1,memory=2Gi`, the value of a flag; undefined when it says nothing. Throws CommandError. */
export function quantities(text: string): Readonly<Record<string, string>> | undefined {
  if (!text) return undefined;
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const parts = pair.split("=");
      const [name = "", amount = ""] = parts;
      if (parts.length !== 2) throw new CommandError(`Invalid argument syntax ${pair}, expected <resource>=<value>`);
      if (quantityFault(amount) !== undefined) {
        throw new CommandError(
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
      }
      return [name, canonicalQuantity(amount)];
    }),
  );
}
