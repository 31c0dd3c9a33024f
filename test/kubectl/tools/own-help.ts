import { expect } from "vitest";
import type { Step } from "./story.ts";

/** Help is worded in our own way; that it is printed, where, and with what error, is the same. */
export const ownHelp: NonNullable<Step["differs"]> = {
  why: "help is in our own words",
  instead: (reference) => ({
    ...reference,
    stdout: helpOr(reference.stdout),
    stderr: helpOr(reference.stderr),
  }),
};

// Matched as a text that has what all help has.
const helpOr = (text: string) =>
  text.includes("Usage:\n") ? (expect.stringContaining("Usage:") as unknown as string) : text;
