import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { permittedProgram, policyProblem } from "./plugin-policy.ts";

/** What the policies of kuberc let run (KEP 3104). */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-policy-"));
  for (const name of ["login", "other"]) {
    writeFileSync(join(folder, name), "");
    chmodSync(join(folder, name), 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  { name: "no policy lets all run", command: "login", type: "", program: "login" },
  { name: "AllowAll lets all run", command: "login", type: "AllowAll", program: "login" },
  { name: "a name that is listed runs", command: "login", allow: ["other", "login"], program: "login" },
  { name: "a name whose path is listed runs from there", command: "login", allow: ["IN/login"], program: "IN/login" },
  { name: "a path whose name is listed runs", command: "IN/login", allow: ["login"], program: "IN/login" },
  {
    name: "DenyAll lets none run",
    command: "login",
    type: "DenyAll",
    refused: 'plugin "login" not allowed: policy set to "DenyAll"',
  },
  {
    name: "a program that is not listed does not run",
    command: "login",
    allow: ["other"],
    refused: 'plugin path "IN/login" is not permitted by the credential plugin allowlist',
  },
  {
    name: "a program of the same name elsewhere does not run",
    command: "./login",
    allow: ["IN/login", "login"],
    refused: 'plugin path "/elsewhere/login" is not permitted by the credential plugin allowlist',
  },
  {
    name: "a name that is nowhere does not run",
    command: "none",
    allow: ["other"],
    refused:
      'plugin path "none" cannot be resolved for credential plugin allowlist check: exec: "none": executable file not found in $PATH',
  },
])("$name", ({ command, type = "Allowlist", allow, program, refused }) => {
  const place = (text: string) => text.replace("IN", folder);
  const policy = { type, allowlist: allow?.map(place) };
  const verdict = permittedProgram(place(command), policy, { env: { PATH: folder }, cwd: "/elsewhere" });
  expect(verdict).toEqual(refused === undefined ? { program: place(program!) } : { refused: place(refused) });
});

test.each([
  { type: "Nope", allowlist: undefined, says: 'unknown plugin policy: "Nope"' },
  { type: "Allowlist", allowlist: undefined, says: "but allowlist is unspecified" },
  { type: "Allowlist", allowlist: [], says: 'but allowlist is empty; use "DenyAll" policy instead' },
  { type: "Allowlist", allowlist: ["a", ""], says: "empty allowlist entry #2" },
  { type: "Allowlist", allowlist: ["/a//b"], says: 'non-normalized file path: "/a//b" vs "/a/b"' },
  { type: "DenyAll", allowlist: ["a"], says: 'plugin policy is "DenyAll" but allowlist is non-nil' },
])("a policy $type with $allowlist is no policy", ({ type, allowlist, says }) => {
  expect(policyProblem({ type, allowlist })).toContain(says);
});
