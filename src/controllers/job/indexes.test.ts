import { expect, test } from "vitest";
import { Indexes } from "./indexes.ts";

test.each([
  { name: "nothing", members: [], text: "" },
  { name: "one", members: [3], text: "3" },
  { name: "neighbours", members: [4, 3], text: "3,4" },
  { name: "a run", members: [0, 1, 2, 3], text: "0-3" },
  { name: "runs and loners", members: [9, 1, 2, 3, 5, 7, 8], text: "1-3,5,7-9" },
])("$name is written short, and read back", ({ members, text }) => {
  const indexes = new Indexes(members);
  expect(`${indexes}`).toBe(text);
  expect([...Indexes.parse(text, 10)].sort()).toEqual([...members].sort());
});

test("what lies beyond the completions, or is no number, is left out", () => {
  expect([...Indexes.parse("0,4-9,x,12", 6)]).toEqual([0, 4, 5]);
});
