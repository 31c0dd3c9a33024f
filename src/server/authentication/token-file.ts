import { Fault } from "../../lib/fault.ts";
import type { UserInfo } from "../exchange.ts";
import { sameSecret } from "./token-authenticator.ts";

/** Users by their tokens. */
export type StaticTokens = ReadonlyMap<string, UserInfo>;

/** The user of a name and password; undefined when they do not belong together. */
export type BasicUsers = (name: string, password: string) => UserInfo | undefined;

/** Reads a token file: lines of `token,user,uid,"group1,group2"`. Throws Fault `invalid` naming the line. */
export function parseTokenFile(text: string): StaticTokens {
  return new Map(entries(text, "token").map(({ secret, user }) => [secret, user]));
}

/** Reads a basic file, as clusters before 1.19 had: lines of `password,user,uid,"group1,group2"`. Throws Fault `invalid`. */
export function parseBasicFile(text: string): BasicUsers {
  const users = new Map(entries(text, "basic").map((entry) => [entry.user.name, entry]));
  return (name, password) => {
    const entry = users.get(name);
    return entry && sameSecret(entry.secret, password) ? entry.user : undefined;
  };
}

function entries(
  text: string,
  file: "token" | "basic",
): readonly { readonly secret: string; readonly user: UserInfo }[] {
  const found: { readonly secret: string; readonly user: UserInfo }[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [secret = "", name = "", uid = "", groups = ""] = fields(line);
    if (secret === "" || name === "") {
      const first = file === "token" ? "token" : "password";
      throw new Fault("invalid", `line ${index + 1} of the ${file} file needs at least a ${first}, a user and a uid`);
    }
    const list = groups.split(",").map((group) => group.trim());
    const user = { name, ...(uid ? { uid } : {}), groups: list.filter((group) => group !== "") };
    found.push({ secret, user });
  }
  return found;
}

function fields(line: string): readonly string[] {
  return Array.from(line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g), ([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "").trim() : quoted.replaceAll('""', '"'),
  );
}
