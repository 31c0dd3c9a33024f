import { describe, expect, test } from "vitest";
import type { PullPolicy as ImagePullPolicy, Pod, Secret } from "../../api/generated/core-v1.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { CallOptions, ContainerRuntime, PullResult, RegistryAuth } from "../runtime/runtime.ts";
import { dawn, sampleContainer, samplePod } from "../testing/samples.ts";
import { ImageAccess } from "./image-access.ts";
import { ImagePulls } from "./image-pulls.ts";

interface Pull extends CallOptions {
  readonly auth?: RegistryAuth;
  readonly image: string;
  end(result: PullResult): void;
}

/** A node whose pulls end when the test says so, one at a time. */
function openPulls(secrets: Readonly<Record<string, Secret>> = {}) {
  const clock = new VirtualClock(dawn);
  const pulls: Pull[] = [];
  const there = new Set<string>();
  const runtime = {
    imageStatus: async (image: string) => (there.has(image) ? { id: image, sizeBytes: 1 } : undefined),
    pullImage: (image: string, options: CallOptions) =>
      new Promise<PullResult>((resolve) => {
        const end = (result: PullResult) => {
          if (result.ok) there.add(image);
          resolve(result);
        };
        pulls.push({ ...options, image, end });
      }),
  } as unknown as ContainerRuntime;
  const events = { record: () => {}, flush: async () => {} };
  const access = new ImageAccess();
  const own = async ({ metadata: { uid } }: Pod) => [secrets[uid]].filter((secret) => secret !== undefined);
  const images = new ImagePulls({ runtime, clock, events, access, secrets: own, parallel: 1 });
  const ensure = (uid: string, image: string, signal?: AbortSignal, policy: ImagePullPolicy = "IfNotPresent") =>
    images.ensure(samplePod({}, { metadata: { uid } }), sampleContainer({ image, imagePullPolicy: policy }), signal);
  const settled = async () => {
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, pulls, there, ensure, settled };
}

const ok = { ok: true, imageRef: "sha256:1" } as const;

test("pods that want one image share a pull", async () => {
  const { pulls, ensure, settled } = openPulls();
  const both = [ensure("a", "app:1"), ensure("b", "app:1")];
  await settled();
  expect(pulls).toHaveLength(1);
  pulls[0]?.end(ok);
  expect(await Promise.all(both)).toEqual([
    expect.objectContaining({ ok: true }),
    expect.objectContaining({ ok: true }),
  ]);
});

test("a pull goes on while one of its pods waits for it", async () => {
  const { pulls, ensure, settled } = openPulls();
  const leaving = new AbortController();
  const left = expect(ensure("a", "app:1", leaving.signal)).rejects.toMatchObject({ code: "aborted" });
  const stays = ensure("b", "app:1");
  await settled();
  leaving.abort();
  await left;
  expect(pulls[0]?.signal?.aborted).toBe(false);
  pulls[0]?.end(ok);
  expect(await stays).toMatchObject({ ok: true });
});

test("a pull that nobody waits for any more is given up and makes room for others", async () => {
  const { pulls, ensure, settled } = openPulls();
  const leaving = new AbortController();
  const left = expect(ensure("a", "stuck:1", leaving.signal)).rejects.toMatchObject({ code: "aborted" });
  const next = ensure("b", "app:1");
  await settled();
  expect(pulls.map(({ image }) => image)).toEqual(["stuck:1"]);
  leaving.abort();
  await left;
  await settled();
  expect(pulls[0]?.signal?.aborted).toBe(true);
  pulls[1]?.end(ok);
  expect(await next).toMatchObject({ ok: true });
});

test("a pull that does not end fails after half an hour and is tried again", async () => {
  const { clock, pulls, ensure, settled } = openPulls();
  const first = ensure("a", "stuck:1");
  await clock.pass(30 * 60_000, settled);
  expect(await first).toMatchObject({
    ok: false,
    reason: "ErrImagePull",
    message: "the image did not come within 30 minutes",
  });
  await clock.pass(10_000, settled);
  const second = ensure("a", "stuck:1");
  await settled();
  pulls[1]?.end(ok);
  expect(await second).toMatchObject({ ok: true });
});

describe("an image that came by a pod's credentials", () => {
  const image = "registry.test/private:1";
  const secretOf = (password: string): Secret => ({
    ...{ apiVersion: "v1", kind: "Secret" },
    metadata: { name: password, namespace: "default", uid: password, resourceVersion: "1", creationTimestamp: "" },
    data: {
      ".dockerconfigjson": Buffer.from(
        JSON.stringify({ auths: { "registry.test": { username: "me", password } } }),
      ).toString("base64"),
    },
  });
  const opened = async () => {
    const node = openPulls({ owner: secretOf("right"), friend: secretOf("right"), other: secretOf("wrong") });
    const first = node.ensure("owner", image);
    await node.settled();
    expect(node.pulls[0]).toMatchObject({ auth: { password: "right" } });
    node.pulls[0]?.end(ok);
    expect(await first).toMatchObject({ ok: true });
    return node;
  };

  test("is for pods that have the same", async () => {
    const { ensure, pulls } = await opened();
    expect(await ensure("friend", image)).toMatchObject({ ok: true });
    expect(pulls).toHaveLength(1);
  });

  test("is asked for again by pods that have others, or none", async () => {
    const { ensure, pulls, settled } = await opened();
    const both = [ensure("other", image), ensure("nobody", image)];
    await settled();
    pulls[1]?.end({ ok: false, reason: "ErrImagePull", message: "denied" });
    await settled();
    pulls[2]?.end({ ok: false, reason: "ErrImagePull", message: "denied" });
    const refused = expect.objectContaining({ ok: false, reason: "ErrImagePull", message: "denied" });
    expect(await Promise.all(both)).toEqual([refused, refused]);
    expect(pulls.map(({ auth }) => auth?.password)).toEqual(["right", "wrong", undefined]);
    expect(await ensure("owner", image)).toMatchObject({ ok: true });
  });

  test("is not there for a pod that has none and must not fetch it", async () => {
    const { ensure } = await opened();
    expect(await ensure("nobody", image, undefined, "Never")).toMatchObject({ reason: "ErrImageNeverPull" });
  });

  test("is for everyone once it came without any, as one is that was there before", async () => {
    const { ensure, pulls, settled, there } = await opened();
    const open = ensure("nobody", image);
    await settled();
    pulls[1]?.end(ok);
    expect(await open).toMatchObject({ ok: true });
    expect(await ensure("other", image)).toMatchObject({ ok: true });
    there.add("registry.test/loaded:1");
    expect(await ensure("nobody", "registry.test/loaded:1")).toMatchObject({ ok: true });
  });
});
