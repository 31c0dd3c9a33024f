import { expect, test } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { CallOptions, ContainerRuntime, PullResult } from "../runtime/runtime.ts";
import { dawn, sampleContainer, samplePod } from "../testing/samples.ts";
import { ImagePulls } from "./image-pulls.ts";

interface Pull extends CallOptions {
  readonly image: string;
  end(result: PullResult): void;
}

/** A node whose pulls end when the test says so, one at a time. */
function openPulls() {
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
  const images = new ImagePulls({ runtime, clock, events, secrets: async () => [], parallel: 1 });
  const ensure = (uid: string, image: string, signal?: AbortSignal) =>
    images.ensure(samplePod({}, { metadata: { uid } }), sampleContainer({ image }), signal);
  const settled = async () => {
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, pulls, ensure, settled };
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
