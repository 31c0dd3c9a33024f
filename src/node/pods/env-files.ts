import { readFileSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { Fault } from "../../lib/fault.ts";

/** The text of a file in a volume; undefined when there is none. Throws Fault `invalid` for one that lies elsewhere, by dots or links. */
export function fileInVolume(folder: string, path: string): string | undefined {
  try {
    const [root, file] = [realpathSync(folder), realpathSync(join(folder, path))];
    if (!file.startsWith(root + sep)) throw new Fault("invalid", `${path} must not leave its volume`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The value of a variable in an env file, lines such as `KEY='value'` (Kubernetes documentation: define environment variable
 * values using an init container); undefined when the file does not set it. What is between the quotes is taken as it is, line breaks
 * too. Throws Fault `invalid` for a line that is none, up to the variable's own.
 */
export function variableInFile(text: string, key: string): string | undefined {
  let at = 0;
  while (at < text.length) {
    const end = lineEnd(text, at);
    const line = text.slice(at, end).replace(/^[ \t]+/, "");
    const where = `at line ${text.slice(0, at).split("\n").length}`;
    const invalid = (what: string) => new Fault("invalid", `${what} ${where}`);
    if (/^[ \t\r]*$/.test(line) || line.startsWith("#")) {
      at = end + 1;
      continue;
    }
    const sign = line.indexOf("=");
    if (sign < 1) throw invalid("invalid environment variable format");
    if (/\s$/.test(line.slice(0, sign))) throw invalid("whitespace before '=' is not allowed");
    if (line[sign + 1] !== "'") throw invalid("value must be enclosed in single quotes");
    const begin = text.indexOf("=", at) + 2;
    const close = text.indexOf("'", begin);
    if (close < 0) throw invalid("unclosed single quote");
    const rest = text.slice(close + 1, lineEnd(text, close));
    if (!/^[ \t\r]*(#.*)?$/.test(rest)) throw invalid("unexpected content after closing quote");
    if (line.slice(0, sign) === key) return text.slice(begin, close);
    at = lineEnd(text, close) + 1;
  }
  return undefined;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}
