import { Fault } from "../../lib/fault.ts";
import type { UserInfo } from "../exchange.ts";

/** Users by their tokens. */
export type StaticTokens = ReadonlyMap<string, UserInfo>;

/** Reads a token file: lines of `token,user,uid,"group1,group2"`. Throws Fault `invalid` naming the line. */
export function parseTokenFile(text: string): StaticTokens {
  const tokens = new Map<string, UserInfo>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [token = "", name = "", uid = "", groups = ""] = fields(line);
    if (token === "" || name === "") {
      throw new Fault("invalid", `line ${index + 1} of the token file needs at least a token, a user and a uid`);
    }
    const list = groups.split(",").map((group) => group.trim());
    tokens.set(token, { name, ...(uid ? { uid } : {}), groups: list.filter((group) => group !== "") });
  }
  return tokens;
}

function fields(line: string): readonly string[] {
  return Array.from(line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g), ([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "").trim() : quoted.replaceAll('""', '"'),
  );
}
