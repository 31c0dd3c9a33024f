import { createHash } from "node:crypto";
import { goJson } from "../lib/go-json.ts";

/** The suffix that a name gets so that other data means another name: ten letters of a hash in which nothing looks like a word. */
export function contentHash(content: object): string {
  const hash = createHash("sha256").update(goJson(content)).digest("hex").slice(0, 10);
  const letters: Readonly<Record<string, string>> = { 0: "g", 1: "h", 3: "k", a: "m", e: "t" };
  return [...hash].map((letter) => letters[letter] ?? letter).join("");
}
