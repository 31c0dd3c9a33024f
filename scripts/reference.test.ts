import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folder, referencePages } from "./reference.ts";

test("docs/reference says what the program declares; npm run reference writes it anew", async () => {
  for (const [name, text] of Object.entries(await referencePages())) {
    expect(readFileSync(join(folder, name), "utf8"), name).toBe(text);
  }
});
