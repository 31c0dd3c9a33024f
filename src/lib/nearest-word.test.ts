import { expect, test } from "vitest";
import { nearestWord } from "./nearest-word.ts";

test.each([
  ["interrface", "interface"],
  ["apiServre", "apiServer"],
  ["Zones", "zones"],
  ["zone", "zones"],
  ["etc", undefined],
  ["completely", undefined],
  ["", undefined],
])("%s means %s", (word, meant) => {
  expect(nearestWord(word, ["interface", "apiServer", "zones", "network"])).toBe(meant);
});
