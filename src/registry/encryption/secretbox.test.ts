import { describe, expect, test } from "vitest";
import { systemRandom } from "../../lib/random.ts";
import { secretbox } from "./transformers.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));

// The example that "Cryptography in NaCl" works through, section 9 and 10.
const key = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
const nonce = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
const message = hex(`be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129
  6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd49
  24ca1c60902e52f0a089bc76897040e082f937763848645e0705`);
const box = hex(`f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0df
  c17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3
  732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5`);

const transformer = secretbox({ name: "one", secret: key });
const sealed = (text: Uint8Array) => transformer.seal(text, "/key", { ...systemRandom, bytes: () => nonce });

describe("secretbox", () => {
  test("seals the published example, behind its prefix and nonce", () => {
    expect(Buffer.from(sealed(message)).toString("hex")).toBe(
      Buffer.concat([Buffer.from("k8s:enc:secretbox:v1:one:"), nonce, box]).toString("hex"),
    );
    expect(transformer.open(sealed(message), "/key")).toEqual(message);
  });

  test.each([0, 20, 60])("refuses a value with byte %i changed, one cut short, and one under another key", (at) => {
    const changed = Uint8Array.from(sealed(message));
    changed[at + transformer.prefix.length]! ^= 1;
    expect(() => transformer.open(changed, "/key")).toThrow();
    expect(() => transformer.open(sealed(message).subarray(0, at + 40), "/key")).toThrow();
    const other = secretbox({ name: "one", secret: key.map((byte) => byte ^ 1) });
    expect(() => other.open(sealed(message), "/key")).toThrow();
  });
});
