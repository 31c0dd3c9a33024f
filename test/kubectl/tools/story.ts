/** One command line that both programs run. */
export interface Step {
  /** Words as a shell reads them: blanks between, quotes around what has blanks. */
  readonly line: string;
  readonly input?: string;
  /** Lines may come in any order. */
  readonly unordered?: boolean;
  /** The line is given again and again until what it prints is like this. */
  readonly until?: RegExp;
  /** What is cut out before comparing: what depends on how fast things went. */
  readonly without?: RegExp;
  /** The program is interrupted once its standard output is like this. */
  readonly stopAt?: RegExp;
  /** A line that is given as soon as the program has said something; what it prints does not count. */
  readonly meanwhile?: string;
  /** Why the two do not print the same here, and what ours prints in the place of what. */
  readonly differs?: {
    readonly why: string;
    /** Makes the reference's output what ours has to be. */
    readonly instead: (
      reference: { readonly code: number; readonly stdout: string; readonly stderr: string },
      at: { readonly namespace: string },
    ) => {
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
    };
  };
}

/** Command lines in order, each seeing what those before it did; a story has a namespace and a folder of its own. */
export interface Story {
  readonly name: string;
  /** Manifests that are there before. */
  readonly objects?: readonly object[];
  /** Files of the folder that commands run in. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly (string | Step)[];
}

/** Checks nothing but types: a story is data. */
export function story(told: Story): Story {
  return told;
}

/** The words of a line; quotes of both kinds keep blanks together. */
export function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ""),
  );
}

/** Makes equal what differs from run to run: ages, identifiers, times, versions, addresses. */
export function normalised(text: string, more: { readonly url: string; readonly folder: string }): string {
  return (
    text
      .replaceAll(more.url, "SERVER")
      .replaceAll(new URL(more.url).host, "HOST")
      .replaceAll(more.folder, "FOLDER")
      .replace(/(-[bcdf-hj-np-tv-z2456789]{6,10})-[bcdf-hj-np-tv-z2456789]{5}\b/g, "$1-XXXXX")
      .replace(/kubectl-edit-\d+/g, "kubectl-edit-N")
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "UID")
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "TIME")
      // Times of the run itself; those that stories write are of long ago.
      .replace(/\b\w{3}, \d\d \w{3} 20[2-9]\d \d\d:\d\d:\d\d [+-]\d{4}/g, "TIME")
      .replace(/\b20[2-9]\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \w+/g, "TIME")
      .replace(/(Resource Version: +)\d+/g, "$1N")
      .replace(/((?:resourceVersion|uid)"?: ?)"\d+"/g, '$1"N"')
      .replace(/^([IWE])\d{4} [\d:.]+ +\d+ \w+\.\w+:\d+\]/gm, "$1 LOG]")
      // An age of another length moves what comes after it, so the blanks behind it count as part of it.
      // Three hours are told in hours, so that more minutes than that are an amount of something.
      .replace(/\b(?:\d+s|(?:\d\d?|1[0-7]\d)m(?:\d+s)?)\b( *)/g, (_, blanks: string) =>
        blanks.length > 1 ? "AGE   " : `AGE${blanks}`,
      )
  );
}
