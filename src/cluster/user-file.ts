import { readFileSync } from "node:fs";
import { errorMessage, Fault } from "../lib/fault.ts";

/** The text of a file that a person named; `asked` is where, as `--stages`. Throws Fault `missing` in words that name the file. */
export function userFile(file: string, asked?: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? `there is no file ${file}`
        : code === "EISDIR"
          ? `${file} is a folder, not a file`
          : `${file} cannot be read: ${errorMessage(error)}`;
    throw new Fault("missing", asked ? `${asked}: ${why}` : why, { cause: error });
  }
}
