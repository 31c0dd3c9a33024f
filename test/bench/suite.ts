import type { Row } from "./report.ts";

export interface SuiteOptions {
  /** Where data are put: the kind of disk decides what durable writes cost. */
  readonly folder: string;
  /** Short runs show that everything works; only long ones give figures to go by. */
  readonly short: boolean;
  readonly note: (text: string) => void;
  /** Added to the command line of the control plane's Node: `--cpu-prof`. */
  readonly nodeOptions: readonly string[];
}

/** Measures that belong together. */
export interface Suite {
  readonly name: string;
  readonly about: string;
  run(options: SuiteOptions): Promise<readonly Row[]>;
}
