import { expect, test } from "vitest";
import { Fault } from "../../lib/fault.ts";
import { onFreePort } from "./sockets.ts";

test("a port that is free for one protocol and taken for the other is given up for another", async () => {
  let tries = 0;
  const port = await onFreePort(async () => {
    tries += 1;
    if (tries < 3) throw new Fault("in-use", "taken");
    return 4000 + tries;
  });
  expect(port).toBe(4003);
});

test("other failures are not tried again, and a machine without a free port is told so", async () => {
  let tries = 0;
  const failing = (code: "unavailable" | "in-use") =>
    onFreePort(async () => {
      tries += 1;
      throw new Fault(code, "no");
    });
  await expect(failing("unavailable")).rejects.toMatchObject({ code: "unavailable" });
  expect(tries).toBe(1);
  await expect(failing("in-use")).rejects.toMatchObject({ code: "in-use" });
  expect(tries).toBe(21);
});
