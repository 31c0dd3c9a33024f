/** Some of upstream's conformance tests that begin with the same words, and where our tests of the same behaviour are. */
export interface ConformanceGroup {
  /** Upstream's first words, tags left out but for the interest group, as `[sig-node] Pods`. */
  readonly group: string;
  /** The file whose `describe` has the group's words and whose tests have the `names`. */
  readonly file: string;
  /** Upstream's names, the group's words and the tags left out; ours are the same. */
  readonly names: readonly string[];
  /** Names of upstream whose behaviour a test of another name or file holds. */
  readonly elsewhere?: Readonly<Record<string, OtherTest>>;
  /** Names of upstream that no test of ours holds, with the reason. */
  readonly missing?: Readonly<Record<string, string>>;
}

/** A test of ours that is called otherwise. */
export interface OtherTest {
  readonly file: string;
  /** Its title; of a test inside a `describe`: `words of the describe > title`. */
  readonly test: string;
}
