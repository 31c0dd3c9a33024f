import type { Step } from "./story.ts";

/** A step whose reference prints `creationTimestamp: null`, which 1.34 and later leave out. */
export function withoutNullTimes(line: string): Step {
  return {
    line,
    differs: {
      why: "since 1.34 a creation time that is not set is not printed",
      instead: (reference) => ({
        ...reference,
        stdout: reference.stdout
          .replace(/^( *)metadata:\n +creationTimestamp: null\n(?!\1 +\S)/gm, "$1metadata: {}\n")
          .replace(/^ *creationTimestamp: null\n/gm, ""),
      }),
    },
  };
}

/** A step that deletes: 1.34 and later tell the namespace too. */
export function deletedFrom(line: string): Step {
  return {
    line,
    differs: {
      why: "since 1.34 the namespace is told",
      instead: (reference, { namespace }) => ({
        ...reference,
        stdout: reference.stdout.replace(/^.* deleted(?: \(.*\))?$/gm, `$& from ${namespace} namespace`),
      }),
    },
  };
}
