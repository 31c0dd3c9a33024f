import { readStages } from "../cluster/simulated-nodes.ts";
import { userFile } from "../cluster/user-file.ts";
import { errorMessage, Fault } from "../lib/fault.ts";

/** What `--stages` says of itself. */
export const stagesFlag =
  "KWOK's Stage documents, by which the pods of simulated nodes live; an empty path takes them away";

/** The text of a file of stages that can be read; "" for an empty path. Throws Fault `missing` or `invalid` that name file and field. */
export function soundStages(file: string): string {
  if (file === "") return "";
  const text = userFile(file, "--stages");
  try {
    readStages(text);
  } catch (error) {
    throw new Fault("invalid", `${file}: ${errorMessage(error)}`);
  }
  return text;
}
