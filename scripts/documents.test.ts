import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { beforeAll, expect, test } from "vitest";
import { addCommands } from "../src/cli/commands.ts";
import { globalFlags } from "../src/cli/kubectl/flags/global.ts";
import { FlagError, HelpAsked, parseFlags } from "../src/cli/kubectl/flags/parse.ts";
import { allShown, pages, pageText, root, type ShownCommand } from "../test/documents/tools/shown-commands.ts";
import { type EveryCommand, everyCommand } from "../test/kubectl/tools/every-command.ts";

/* What the pages say of the program, held to the program. That their commands do what they say is for test/documents and test/e2e. */

const shown = allShown();
const place = ({ page, line, command }: ShownCommand) => `${page}:${line}: ${command}`;

test("every link of a page leads to a file, and to a heading that is there", () => {
  const dead = pages().flatMap((page) =>
    [...pageText(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(root, file))) return [`${page}: ${target}`];
      return anchor === undefined || anchors(file).includes(anchor) ? [] : [`${page}: ${target}`];
    }),
  );
  expect(dead).toEqual([]);
});

/** As GitHub makes them of headings. */
const anchors = (file: string) =>
  [...readFileSync(join(root, file), "utf8").matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

/** `a|b` in a sentence is two commands, and what is in brackets may be there. */
function spellings(command: string): readonly string[] {
  const plain = command.replace(/[[\]]/g, "").replace(/ \.\.\.$/, "");
  const [, before = "", words = "", after = ""] = /^(.*? )([a-z]+(?:\|[a-z]+)+)(.*)$/.exec(plain) ?? [];
  return words === "" ? [plain] : words.split("|").map((word) => `${before}${word}${after}`);
}

/** The words of a command line up to what a shell does with them. */
function wordsOf(line: string): readonly string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|\\ |[^\s'"])+/g) ?? [];
  const end = words.findIndex((word) => /^(\||\|\||&|&&|;|<|>|[12]?>)$/.test(word));
  return words.slice(0, end < 0 ? undefined : end).map((word) => word.replace(/['"]/g, ""));
}

const called = (program: string) =>
  shown
    .filter(({ form }) => form !== "console")
    .flatMap((one) => spellings(one.command).map((line) => ({ one, words: wordsOf(line) })))
    .filter(({ words }) => words[0] === program);

test("every command of navarch that a page shows is one, with flags that it has", () => {
  const navarch = new Command("navarch");
  addCommands(navarch);
  const wrong = called("navarch").flatMap(({ one, words }) => {
    let command = navarch;
    const rest = words.slice(1);
    if (rest[0] === "kubectl") return [];
    for (let next = below(command, rest[0]); next; next = below(command, rest[0])) {
      command = next;
      rest.shift();
    }
    if (command === navarch) return [place(one)];
    const dash = rest.indexOf("--");
    const flags = rest.slice(0, dash < 0 ? undefined : dash).filter((word) => /^--?[a-z]/.test(word));
    const unknown = flags.filter((flag) => !knows(command, flag.split("=", 1)[0]!));
    // In a sentence a command may be named without its arguments; on a line of its own it is typed.
    const lacking = one.form === "block" && missesArguments(command, rest);
    return unknown.length > 0 || lacking ? [`${place(one)} (${unknown.join(" ") || "lacks an argument"})`] : [];
  });
  expect(wrong).toEqual([]);
});

const below = (command: Command, word: string | undefined) => command.commands.find((one) => one.name() === word);
const knows = (command: Command, flag: string) =>
  command.options.some(({ long, short }) => long === flag || short === flag);

function missesArguments(command: Command, words: readonly string[]): boolean {
  const isValue = (at: number) => {
    const before = words[at - 1];
    const option = command.options.find(({ long, short }) => before !== undefined && [long, short].includes(before));
    return option !== undefined && (option.required || option.optional);
  };
  const given = words.filter((word, at) => !word.startsWith("-") && !isValue(at));
  return given.length < command.registeredArguments.filter(({ required }) => required).length;
}

/** What shells ask, and the alias that a page has somebody define. */
const hidden = /^(__complete|getp)$/;

let kubectls: readonly EveryCommand[];
beforeAll(async () => {
  kubectls = await everyCommand();
});

test("every command of kubectl that a page shows is one, with flags that it has", () => {
  const lines = [
    ...called("kubectl"),
    ...called("navarch").flatMap(({ one, words }) => (words[1] === "kubectl" ? [{ one, words: words.slice(1) }] : [])),
  ];
  const wrong = lines.flatMap(({ one, words }) => {
    const rest = words.slice(1);
    // Flags of every command may stand before it.
    while (rest[0]?.startsWith("-")) rest.splice(0, rest[0].includes("=") ? 1 : 2);
    if (rest.length === 0 || hidden.test(rest[0]!)) return [];
    const found = kubectls
      .filter((each) => `${rest.join(" ")} `.startsWith(`${each.words} `))
      .toSorted((a, b) => b.words.length - a.words.length)[0];
    if (!found) return kubectls.some((each) => each.words.startsWith(`${rest[0]} `)) ? [] : [place(one)];
    const given = rest.slice(found.words.split(" ").length);
    try {
      const { interspersed = true } = found.command;
      parseFlags({ ...globalFlags, ...found.command.flags }, given, { interspersed });
      return [];
    } catch (error) {
      if (error instanceof HelpAsked) return [];
      // A sentence may name a flag and not what it is given.
      if (error instanceof FlagError && one.form === "span" && /needs an argument/.test(error.message)) return [];
      if (error instanceof FlagError) return [`${place(one)} (${error.message})`];
      throw error;
    }
  });
  expect(wrong).toEqual([]);
});

test("every script and program of the project that a page names is there", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly scripts: object };
  const own = ["ci", "start", "test"];
  const wrong = shown.filter(({ page, command }) => {
    const [, script] = /^npm (?:run )?([\w:]+)/.exec(command) ?? [];
    if (script !== undefined) return !own.includes(script) && !Object.hasOwn(scripts, script);
    const [, file] = /^node (?:--\S+ )*(\S+\.[jt]s)/.exec(command) ?? [];
    if (file === undefined) return false;
    return (
      ![root, join(root, dirname(page))].some((folder) => existsSync(join(folder, file))) && file !== "web.test.ts"
    );
  });
  expect(wrong.map(place)).toEqual([]);
});

/** What a row of symptoms says that a command says; `...` stands for what differs. */
const symptoms = [...pageText("docs/troubleshooting.md").matchAll(/^\| `[^|]*`: (.+?) \|/gm)].map(
  ([, message = ""]) => message,
);

test("every message among the symptoms is one that the program says", () => {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes(".test."))
    .map((name) => readFileSync(join(root, "src", name), "utf8"));
  const said = (message: string) => {
    const parts = message
      .split("...")
      .map((part) => part.trim())
      .filter(Boolean);
    // Between two parts of a message stands what is filled in, and perhaps the end of a line of source.
    const pattern = new RegExp(
      parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[\\s\\S]{0,80}?"),
    );
    return sources.some((source) => pattern.test(source));
  };
  expect(symptoms.length).toBeGreaterThan(10);
  expect(symptoms.filter((message) => !said(message))).toEqual([]);
});
