import { describe, expect, test } from "vitest";
import type { RunCommand } from "./command.ts";
import { ensureImported, importImage } from "./import.ts";

const digest = `sha256:${"a".repeat(64)}`;
const image = { name: "navarch.local/x:1", aliases: ["docker.io/library/x:latest"], digest, path: "/x.tar" };

function fakeCtr(rows: readonly string[], imported = `unpacking navarch.local/x:1 (${digest})...done\n`) {
  const calls: string[][] = [];
  const run: RunCommand = async (_program, args) => {
    calls.push([...args]);
    return args.includes("list") ? ["REF TYPE DIGEST SIZE PLATFORMS LABELS", ...rows, ""].join("\n") : imported;
  };
  return { calls, target: { address: "/c.sock", run } };
}

describe("ensureImported", () => {
  test.each([
    { name: "imports what is absent", rows: [], imports: true },
    {
      name: "imports what is there under another digest",
      rows: ["navarch.local/x:1 t sha256:b 1 p -", "docker.io/library/x:latest t sha256:b 1 p -"],
      imports: true,
    },
    { name: "imports what lacks one of its names", rows: [`navarch.local/x:1 t ${digest} 1 p -`], imports: true },
    {
      name: "leaves alone what is there",
      rows: [`navarch.local/x:1 t ${digest} 1 p -`, `docker.io/library/x:latest t ${digest} 1 p -`],
      imports: false,
    },
  ])("$name", async ({ rows, imports }) => {
    const { calls, target } = fakeCtr(rows);
    expect(await ensureImported(target, image)).toBe(imports);
    expect(calls.some((call) => call.includes("import"))).toBe(imports);
  });
});

describe("importImage", () => {
  test("imports into Kubernetes' namespace unless told otherwise, and names what it found", async () => {
    const { calls, target } = fakeCtr([]);
    expect(await importImage(target, "/x.tar")).toEqual(["navarch.local/x:1"]);
    expect(calls[0]?.slice(0, 4)).toEqual(["--address", "/c.sock", "--namespace", "k8s.io"]);
  });

  test("is a fault when the archive holds no image for this machine", async () => {
    const { target } = fakeCtr([], "");
    await expect(importImage(target, "/x.tar")).rejects.toMatchObject({ code: "corrupt" });
  });
});
