import { expect, test } from "vitest";
import { contentHash } from "./template-hash.ts";

test("equal values in another order have the same ending, which stays the same from release to release", () => {
  const ending = contentHash({
    spec: { containers: [{ name: "c", image: "img:1" }] },
    metadata: { labels: { a: "1" } },
  });
  expect(contentHash({ metadata: { labels: { a: "1" } }, spec: { containers: [{ image: "img:1", name: "c" }] } })).toBe(
    ending,
  );
  expect(
    contentHash({ metadata: { labels: { a: "1" } }, spec: { containers: [{ image: "img:1", name: "c", env: [] }] } }),
  ).toBe(ending);
  expect(ending).toBe("64675f8887");
});

test("another value or another number of collisions gives another ending, of letters that make no words", () => {
  const endings = [
    contentHash({ image: "img:1" }),
    contentHash({ image: "img:2" }),
    contentHash({ image: "img:1" }, 1),
  ];
  expect(new Set(endings).size).toBe(3);
  for (const ending of endings) expect(ending).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
});
