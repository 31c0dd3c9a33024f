import type { Clock } from "./clock.ts";

export interface FollowedText {
  /** Reads the file. */
  readonly read: () => Promise<string>;
  /** What is in use now. */
  readonly text: string;
  readonly clock: Clock;
  /** Puts another text to use; one that this throws for is offered again at the next look. */
  readonly use: (text: string) => void | Promise<void>;
  /** Hears why a text was not read or not used. */
  readonly failed: (error: unknown) => void;
}

/** How often, in ms, a file is looked at. */
const lookEvery = 60_000;

/** Follows a file that may be written anew, until disposed. */
export function followText({ read, text, clock, use, failed }: FollowedText): Disposable {
  let used = text;
  let timer: Disposable | undefined;
  let ended = false;
  const look = async () => {
    try {
      const next = await read();
      if (next !== used && !ended) {
        await use(next);
        used = next;
      }
    } catch (error) {
      failed(error);
    }
    if (!ended) wait();
  };
  const wait = () => {
    timer = clock.after(lookEvery, () => void look());
  };
  wait();
  return {
    [Symbol.dispose]() {
      ended = true;
      timer?.[Symbol.dispose]();
    },
  };
}
