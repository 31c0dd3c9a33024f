import { CommandError } from "../messages.ts";

/** `a=b,c=d` as labels. Throws CommandError. */
export function labelPairs(written: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    written.split(",").map((pair) => {
      const at = pair.indexOf("=");
      if (at <= 0) throw new CommandError(`unexpected label spec: ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
