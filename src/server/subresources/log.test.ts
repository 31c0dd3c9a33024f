import { expect, test } from "vitest";
import type { ServerResponse } from "../exchange.ts";
import { checkLogOptions, logOrStatus } from "./log.ts";

function answered(status: number, text: string): ServerResponse {
  async function* stream() {
    yield Buffer.from(text.slice(0, 5));
    yield Buffer.from(text.slice(5));
  }
  return { status, headers: {}, body: { kind: "stream", stream: stream() } };
}

test("a log is passed on as it is", async () => {
  const answer = answered(200, "a line\n");
  expect(await logOrStatus(answer, "web")).toBe(answer);
});

test.each([
  {
    name: "what the node refuses becomes a Status with its words",
    status: 400,
    reason: "BadRequest",
    message: 'container "main" in pod "web" is waiting to start: ContainerCreating',
  },
  { name: "a failure of the node is an internal error with its words", status: 500, reason: "InternalError" },
  {
    name: "what the node does not know is not found",
    status: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource ( pods web)",
  },
])("$name", async ({ status, reason, message }) => {
  const said = message ?? "disk on fire";
  await expect(logOrStatus(answered(status, `${said}\n`), "web")).rejects.toMatchObject({
    reason,
    message: message ?? `Internal error occurred: ${said}`,
  });
});

test.each([
  { query: "tailLines=0&limitBytes=1&sinceSeconds=1", said: undefined },
  { query: "sinceTime=2026-01-01T00:00:00Z", said: undefined },
  { query: "tailLines=many", said: 'strconv.ParseInt: parsing "many": invalid syntax' },
  {
    query: "tailLines=-1&limitBytes=0&sinceSeconds=0",
    said: 'PodLogOptions "web" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0, limitBytes: Invalid value: 0: must be greater than 0, sinceSeconds: Invalid value: 0: must be greater than 0]',
  },
  {
    query: "sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z",
    said: 'PodLogOptions "web" is invalid: : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
  },
])("options of a log are judged before anybody is asked: $query", ({ query, said }) => {
  const check = () => checkLogOptions("web", new URLSearchParams(query));
  if (said === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(said);
});

test("of an endless refusal only the beginning is read", async () => {
  async function* endless() {
    for (;;) yield Buffer.alloc(40_000, "x");
  }
  const answer: ServerResponse = { status: 400, headers: {}, body: { kind: "stream", stream: endless() } };
  await expect(logOrStatus(answer, "web")).rejects.toMatchObject({ message: "x".repeat(50_000) });
});
