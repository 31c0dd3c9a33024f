import { describe, expect, test } from "vitest";
import { bool, duration, int, list, text, texts } from "./flag.ts";
import { FlagError, HelpAsked, parseFlags } from "./parse.ts";

const flags = {
  all: bool("", { short: "A" }),
  watch: bool("", { short: "w" }),
  output: text("", { short: "o" }),
  "dry-run": text("", { default: "none", bare: "unchanged" }),
  replicas: int("", { bits: 32 }),
  timeout: duration(""),
  filename: list("", { short: "f" }),
  literal: texts(""),
};
const read = (...words: string[]) => parseFlags(flags, words);

describe("a command line", () => {
  test.each([
    { name: "takes flags and words in any order", words: ["a", "-w", "b"], values: { watch: true }, args: ["a", "b"] },
    { name: "takes letters together", words: ["-Aw"], values: { all: true, watch: true }, args: [] },
    { name: "takes a value behind a letter", words: ["-oyaml"], values: { output: "yaml" }, args: [] },
    { name: "takes a value behind letters", words: ["-wo", "yaml"], values: { watch: true, output: "yaml" }, args: [] },
    { name: "takes = behind a letter", words: ["-o=yaml"], values: { output: "yaml" }, args: [] },
    { name: "keeps = within a value", words: ["--output=a=b"], values: { output: "a=b" }, args: [] },
    { name: "switches off", words: ["--watch=false"], values: { watch: false }, args: [] },
    {
      name: "never gives the next word to a bare flag",
      words: ["--dry-run", "x"],
      values: { "dry-run": "unchanged" },
      args: ["x"],
    },
    {
      name: "splits lists at commas",
      words: ["-f", "a,b", "-f", "c"],
      values: { filename: ["a", "b", "c"] },
      args: [],
    },
    { name: "keeps quoted commas", words: ["-f", '"a,b",c'], values: { filename: ["a,b", "c"] }, args: [] },
    { name: "never splits texts", words: ["--literal", "a,b"], values: { literal: ["a,b"] }, args: [] },
    { name: "reads durations", words: ["--timeout=1m30s"], values: { timeout: 90_000 }, args: [] },
    { name: "reads whole numbers", words: ["--replicas", "0x10"], values: { replicas: 16 }, args: [] },
    { name: "takes - as a word", words: ["-f", "-"], values: { filename: ["-"] }, args: [] },
    { name: "leaves all behind -- alone", words: ["a", "--", "-w"], values: { watch: false }, args: ["a", "-w"] },
  ])("$name", ({ words, values, args }) => {
    const parsed = read(...words);
    expect(parsed.values).toMatchObject(values);
    expect(parsed.args).toEqual(args);
  });

  test("tells where -- stood", () => {
    expect(read("a", "--", "b").dash).toBe(1);
    expect(read("a").dash).toBeUndefined();
  });

  test.each([
    { words: ["--nope"], says: "unknown flag: --nope" },
    { words: ["-wx"], says: "unknown shorthand flag: 'x' in -x" },
    { words: ["-o"], says: "flag needs an argument: 'o' in -o" },
    { words: ["--output"], says: "flag needs an argument: --output" },
    { words: ["--=a"], says: "bad flag syntax: --=a" },
    {
      words: ["--replicas=x"],
      says: 'invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax',
    },
    {
      words: ["--replicas=3000000000"],
      says: 'invalid argument "3000000000" for "--replicas" flag: strconv.ParseInt: parsing "3000000000": value out of range',
    },
    {
      words: ["--watch=x"],
      says: 'invalid argument "x" for "-w, --watch" flag: strconv.ParseBool: parsing "x": invalid syntax',
    },
    { words: ["--timeout=5"], says: 'invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"' },
  ])("refuses $words", ({ words, says }) => {
    expect(() => read(...words)).toThrow(new FlagError(says));
  });

  test("a flag behind a gate is there for whoever opens it", () => {
    const gated = { set: text("", { gate: "SETS" }) };
    const words = ["--set=a"];
    expect(() => parseFlags(gated, words)).toThrow(new FlagError("unknown flag: --set"));
    expect(() => parseFlags(gated, words, { env: { SETS: "1" } })).toThrow(FlagError);
    expect(parseFlags(gated, words, { env: { SETS: "True" } }).values).toEqual({ set: "a" });
    expect(parseFlags(gated, []).values).toEqual({ set: "" });
  });

  test("a question for help ends the reading", () => {
    expect(() => read("-h", "--nope")).toThrow(HelpAsked);
  });
});
