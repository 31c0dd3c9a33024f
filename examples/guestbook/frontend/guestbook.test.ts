import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { guestbook } from "./guestbook.ts";
import { encodeCommand, parseResp, type RedisClient, redisClient } from "./resp-client.ts";

let server: Server | undefined;
afterEach(() => server?.close());

function fakeRedis(answer: (...words: readonly string[]) => string | readonly string[]) {
  const commands: string[] = [];
  const client: RedisClient = {
    command: async (...words) => {
      commands.push(words.join(" "));
      return answer(...words);
    },
    [Symbol.dispose]: () => {},
  };
  return { client, commands };
}

async function serve(options: {
  readonly ready?: () => boolean;
  readonly primary?: RedisClient;
  readonly replica?: RedisClient;
}) {
  const nothing = fakeRedis(() => []).client;
  const handler = guestbook({
    primary: options.primary ?? nothing,
    replica: options.replica ?? nothing,
    environment: { PATH: "/bin", HOSTNAME: "guestbook-44sep", ABSENT: undefined },
    hostname: "the-machine",
    ready: options.ready ?? (() => true),
  });
  const started = createServer(handler).listen(0, "127.0.0.1");
  server = started;
  await new Promise((resolve) => started.once("listening", resolve));
  return (path: string) => fetch(`http://127.0.0.1:${(started.address() as AddressInfo).port}${path}`);
}

describe("guestbook", () => {
  test("writes to the primary, waits for the replicas and reads from one", async () => {
    const primary = fakeRedis(() => "1");
    const replica = fakeRedis(() => ["hello", "a/b é"]);
    const get = await serve({ primary: primary.client, replica: replica.client });
    const answer = await get("/rpush/guestbook/a%2Fb%20%C3%A9");
    expect(await answer.json()).toEqual(["hello", "a/b é"]);
    expect(primary.commands).toEqual(["RPUSH guestbook a/b é", "WAIT 2 200"]);
    expect(replica.commands).toEqual(["LRANGE guestbook 0 -1"]);
  });

  test("prints the environment one variable a line, as the multi-zone walk-through greps it", async () => {
    const get = await serve({});
    const lines = (await (await get("/env")).text()).split("\n").map((line) => line.trim());
    expect(lines).toContain('"HOSTNAME": "guestbook-44sep",');
  });

  test("stays reachable but not ready while it shuts down", async () => {
    const get = await serve({ ready: () => false });
    expect((await get("/healthz")).status).toBe(503);
    const list = await get("/lrange/guestbook");
    expect(list.status).toBe(200);
    expect(list.headers.get("connection")).toBe("close");
  });

  test("says so when the database does not answer", async () => {
    const broken = fakeRedis(() => {
      throw new Error("gone");
    });
    const get = await serve({ replica: broken.client });
    const answer = await get("/lrange/guestbook");
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("gone");
  });

  test.each([
    { path: "/", status: 200 },
    { path: "/healthz", status: 200 },
    { path: "/nowhere", status: 404 },
    { path: "/rpush/guestbook", status: 404 },
    { path: "/lrange/%ff", status: 400 },
  ])("answers $path with $status", async ({ path, status }) => {
    expect((await (await serve({}))(path)).status).toBe(status);
  });
});

describe("parseResp", () => {
  test.each([
    { name: "a simple string", bytes: "+OK\r\n", value: "OK" },
    { name: "a number", bytes: ":-3\r\n", value: -3 },
    { name: "text of several bytes a letter", bytes: "$3\r\né!\r\n", value: "é!" },
    { name: "nothing", bytes: "$-1\r\n", value: null },
    { name: "nested lists", bytes: "*2\r\n*1\r\n:1\r\n$0\r\n\r\n", value: [[1], ""] },
    { name: "an error", bytes: "-ERR no\r\n", value: new Error("ERR no") },
  ])("reads $name, and only when it is complete", ({ bytes, value }) => {
    const whole = Buffer.from(bytes);
    expect(parseResp(whole, 0)).toEqual({ value, next: whole.length });
    for (let length = 0; length < whole.length; length++)
      expect(parseResp(whole.subarray(0, length), 0)).toBeUndefined();
  });
});

describe("redisClient", () => {
  test("matches answers to commands in order, however they are cut, and connects again after a failure", async () => {
    let connections = 0;
    const redis = createTcpServer((socket) => {
      connections++;
      socket.on("error", () => {});
      socket.on("data", (data) => {
        if (data.toString() === encodeCommand(["QUIT"])) return socket.destroy();
        socket.write("+on");
        setImmediate(() => socket.write("e\r\n-ERR two\r\n"));
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => redis.once("listening", resolve));
    using client = redisClient({ host: "127.0.0.1", port: (redis.address() as AddressInfo).port });
    const answers = await Promise.allSettled([client.command("A"), client.command("B")]);
    expect(answers.map((a) => (a.status === "fulfilled" ? a.value : String(a.reason)))).toEqual([
      "one",
      "Error: ERR two",
    ]);
    await expect(client.command("QUIT")).rejects.toThrow("closed the connection");
    expect(await client.command("A")).toBe("one");
    expect(connections).toBe(2);
    redis.close();
  });
});
