import pc from "picocolors";

/** What a long command says while it works: one line per phase, with the time it took. */
export interface Progress {
  /** Runs a phase under its name. `note` shows what it is at; on a terminal the line is drawn over. */
  phase<T>(name: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  /** The phases so far and their milliseconds. */
  readonly taken: readonly { readonly name: string; readonly ms: number }[];
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/** Progress on standard error, animated on a terminal and plain elsewhere. `now` counts milliseconds. */
export function terminalProgress(options: {
  readonly stream: NodeJS.WriteStream;
  readonly now: () => number;
}): Progress {
  const { stream, now } = options;
  const live = stream.isTTY === true;
  const taken: { name: string; ms: number }[] = [];
  return {
    taken,
    async phase(name, work) {
      const start = now();
      let text = "";
      let frame = 0;
      const label = name.padEnd(22);
      const draw = () => {
        const line = `${frames[frame++ % frames.length]} ${label} ${text}`;
        stream.write(`\r\x1b[2K${line.slice(0, (stream.columns ?? 80) - 1)}`);
      };
      const timer = live ? setInterval(draw, 100) : undefined;
      const finish = (mark: string, detail: string) => {
        clearInterval(timer);
        stream.write(`${live ? "\r\x1b[2K" : ""}${mark} ${label} ${detail}\n`);
      };
      try {
        const result = await work((note) => {
          text = note;
        });
        const ms = now() - start;
        taken.push({ name, ms });
        finish(live ? pc.green("✓") : "ok", `${seconds(ms).padStart(7)}${text ? `   ${text}` : ""}`);
        return result;
      } catch (error) {
        finish(live ? pc.red("✗") : "failed", seconds(now() - start));
        throw error;
      }
    },
  };
}

/** `1.2 s` */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
