import { goQuote } from "../../../lib/go-text.ts";
import type { Host } from "../host.ts";
import { type Flag, type Flags, isOpen } from "./flag.ts";
import { type Parsed, parseGoBool, parseGoDuration, parseGoInt } from "./go-values.ts";

/** What a command line says. */
export interface ParsedFlags {
  /** Every flag's value, the default where it was not given. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The flags that were given. */
  readonly given: ReadonlySet<string>;
  /** The other words, in order. */
  readonly args: readonly string[];
  /** How many of `args` stand before `--`; undefined without one. */
  readonly dash: number | undefined;
  /** What is said about the use of deprecated flags. */
  readonly notices: readonly string[];
}

/** A command line that cannot be read, in the words of kubectl. */
export class FlagError extends Error {}

/**
 * Reads a command line as kubectl's flags do: flags and words in any order, `--flag=value`, `--flag value`, `-fvalue`,
 * letters together. Throws FlagError.
 */
export function parseFlags(
  flags: Flags,
  words: readonly string[],
  options: { readonly interspersed?: boolean; readonly env?: Host["env"] } = {},
): ParsedFlags {
  const letters = new Map(
    Object.entries(flags).flatMap(([name, { short }]) => (short ? [[short, name] as const] : [])),
  );
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, flag.default]),
  );
  const given = new Set<string>();
  const args: string[] = [];
  const notices: string[] = [];
  let dash: number | undefined;

  const set = (name: string, flag: Flag, text: string) => {
    const parsed = readValue(flag, text, given.has(name) ? values[name] : undefined);
    if ("problem" in parsed) {
      const label = flag.short ? `-${flag.short}, --${name}` : `--${name}`;
      throw new FlagError(`invalid argument ${goQuote(text)} for "${label}" flag: ${parsed.problem}`);
    }
    if (flag.deprecated !== undefined && !given.has(name)) {
      notices.push(`Flag --${name} has been deprecated, ${flag.deprecated}`);
    }
    values[name] = parsed.value;
    given.add(name);
  };

  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-") || word === "-") {
      if (options.interspersed === false) {
        args.push(...words.slice(at));
        break;
      }
      args.push(word);
    } else if (word === "--") {
      dash = args.length;
      args.push(...words.slice(at + 1));
      break;
    } else if (word.startsWith("--")) {
      const [name = "", inline] = splitOnce(word.slice(2));
      if (name === "" || name.startsWith("-")) throw new FlagError(`bad flag syntax: ${word}`);
      const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
      if (!flag || !isOpen(flag, options.env ?? {}))
        throw name === "help" ? new HelpAsked() : new FlagError(`unknown flag: --${name}`);
      if (inline !== undefined) set(name, flag, inline);
      else if (flag.bare !== undefined) set(name, flag, flag.bare);
      else if (at + 1 < words.length) set(name, flag, words[++at]!);
      else throw new FlagError(`flag needs an argument: --${name}`);
    } else {
      let rest = word.slice(1);
      while (rest !== "") {
        const letter = rest[0]!;
        const name = letters.get(letter);
        const flag = name === undefined ? undefined : flags[name];
        if (name === undefined || !flag) {
          if (letter === "h") throw new HelpAsked();
          throw new FlagError(`unknown shorthand flag: '${letter}' in -${rest}`);
        }
        if (rest.length > 2 && rest[1] === "=") {
          set(name, flag, rest.slice(2));
          rest = "";
        } else if (flag.bare !== undefined) {
          set(name, flag, flag.bare);
          rest = rest.slice(1);
        } else if (rest.length > 1) {
          set(name, flag, rest.slice(1));
          rest = "";
        } else if (at + 1 < words.length) {
          set(name, flag, words[++at]!);
          rest = "";
        } else throw new FlagError(`flag needs an argument: '${letter}' in -${rest}`);
      }
    }
  }
  return { values, given, args, dash, notices };
}

/** The command line asks for help. */
export class HelpAsked extends Error {}

function readValue(flag: Flag, text: string, before: unknown): Parsed<unknown> {
  switch (flag.form) {
    case "bool":
      return parseGoBool(text);
    case "text":
      return { value: text };
    case "int":
      return parseGoInt(text, flag.bits);
    case "duration":
      return parseGoDuration(text);
    case "texts":
      return { value: [...((before as readonly string[] | undefined) ?? []), text] };
    case "list":
      return { value: [...((before as readonly string[] | undefined) ?? []), ...commaSeparated(text)] };
  }
}

/** One line of CSV, as Go's flags read lists: a quoted part may have commas. */
function commaSeparated(text: string): readonly string[] {
  if (text === "") return [];
  const parts: string[] = [];
  for (let at = 0; ; ) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(text.slice(at));
    const part = quoted?.[0] ?? /^[^,]*/.exec(text.slice(at))?.[0] ?? "";
    parts.push(quoted ? (quoted[1] ?? "").replaceAll('""', '"') : part);
    at += part.length;
    if (at >= text.length) return parts;
    at += 1;
  }
}

function splitOnce(text: string): readonly [string, string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
