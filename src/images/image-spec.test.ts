import { describe, expect, test } from "vitest";
import { parseImageSpec } from "./image-spec.ts";

const name = "navarch.local/x:1";

describe("parseImageSpec", () => {
  test("fills in what is left out and resolves paths from the specification's folder", () => {
    const spec = parseImageSpec(
      {
        name,
        from: { rootfs: "root" },
        files: [{ path: "/app", copy: "../src", mode: "0750" }],
        ports: [80, "53/udp"],
      },
      "/specs/images",
    );
    expect(spec).toMatchObject({
      aliases: [],
      from: [{ rootfs: "/specs/images/root" }],
      files: [{ path: "/app", copy: "/specs/src", mode: 0o750 }],
      ports: ["80/tcp", "53/udp"],
      env: {},
    });
  });

  test.each([
    { problem: "a misspelled field", spec: { name, entrypiont: ["x"] }, message: "entrypiont is not known here" },
    { problem: "a name without a tag", spec: { name: "navarch.local/x" }, message: "name must be host/path:tag" },
    { problem: "a name without a host", spec: { name: "x:1" }, message: "name must be host/path:tag" },
    {
      problem: "an alias without a tag",
      spec: { name, aliases: ["a.b/c"] },
      message: "aliases[0] must be host/path:tag",
    },
    {
      problem: "two sources in one",
      spec: { name, from: { node: true, pause: true } },
      message: "from[0] must name exactly one",
    },
    {
      problem: "a source that is switched off",
      spec: { name, from: { node: false } },
      message: "from[0].node must be true",
    },
    {
      problem: "an option in place of a package",
      spec: { name, from: { packages: ["--reinstall"] } },
      message: "not a package name",
    },
    {
      problem: "a relative path in the image",
      spec: { name, files: [{ path: "x", content: "" }] },
      message: "files[0].path must be an absolute",
    },
    {
      problem: "a file with two contents",
      spec: { name, files: [{ path: "/x", content: "", link: "y" }] },
      message: "exactly one of content",
    },
    {
      problem: "a decimal mode that is too large",
      spec: { name, files: [{ path: "/x", folder: true, mode: 7777 }] },
      message: "octal permission bits",
    },
    { problem: "a port out of range", spec: { name, ports: [70000] }, message: "ports[0] is not a port" },
    { problem: "a number where text belongs", spec: { name, env: { A: 1 } }, message: "env.A must be text" },
    { problem: "a list at the top", spec: [name], message: "must be a mapping" },
  ])("refuses $problem and names the place", ({ spec, message }) => {
    expect(() => parseImageSpec(spec, "/")).toThrow(message);
  });
});
