import { expect, test } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { seededRandom } from "../../lib/random.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { containerLabels } from "../runtime/labels.ts";
import type { Container, RuntimeImage } from "../runtime/runtime.ts";
import { SimulatedRuntime } from "../runtime/simulated.ts";
import { dawn, samplePod } from "../testing/samples.ts";
import { chooseImages, recordImages } from "./choose-images.ts";
import { chooseDead } from "./dead-containers.ts";
import { ImageCollector } from "./image-collector.ts";

const image = (name: string, sizeBytes = 100, pinned = false): RuntimeImage => ({
  id: `sha256:${name}`,
  repoTags: [`registry.test/${name}:1`],
  repoDigests: [],
  sizeBytes,
  username: "",
  pinned,
});

test("images go in the order in which they were last used, those that never were first", () => {
  const all = ["old", "recent", "never", "new", "used"].map((name) => image(name));
  const [old, recent] = all;
  const used = (...names: string[]) => new Set(names.map((name) => `registry.test/${name}:1`));
  let records = recordImages(new Map(), all.slice(0, 3), used("old"), 0);
  records = recordImages(records, all.slice(0, 3), used("recent"), 50_000);
  records = recordImages(records, [...all, image("pinned", 100, true)], used("used"), 100_000);
  const choice = { records, inUse: used("used"), now: 150_000, minAge: 120_000 };
  const names = (bytes: number) => chooseImages({ ...choice, bytes }).map(({ id }) => id);
  expect(names(Number.POSITIVE_INFINITY)).toEqual(["sha256:never", old!.id, recent!.id]);
  expect(names(150)).toEqual(["sha256:never", old!.id]);
  expect(chooseImages({ ...choice, bytes: Number.POSITIVE_INFINITY, minAge: 0 }).map(({ id }) => id)).toContain(
    "sha256:new",
  );
});

test("a disk that is too full is emptied down to the low threshold, or it is told that it cannot be", async () => {
  const clock = new VirtualClock(dawn);
  const names = ["registry.test/app:1", "registry.test/app:2", "registry.test/wanted:1", "registry.test/pause:3.6"];
  const runtime = new SimulatedRuntime({ clock, random: seededRandom(1), images: names });
  const [{ sizeBytes } = { sizeBytes: 0 }] = await runtime.listImages();
  const told: string[] = [];
  const capacity = sizeBytes * 10;
  const wanted = samplePod({ containers: [{ name: "main", image: "registry.test/wanted:1" }] });
  const collector = new ImageCollector({
    runtime,
    limits: { high: 85, low: 75, minAge: 60_000, maxAge: 0 },
    pods: () => [wanted],
    disk: async () => ({ available: sizeBytes, capacity }),
    node: samplePod(),
    events: { record: (_, __, reason, message) => void told.push(`${reason} ${message}`), flush: async () => {} },
    clock,
    log: silentLog,
    metrics: new Metrics(),
  });
  const left = async () => (await runtime.listImages()).flatMap(({ repoTags }) => repoTags).sort();
  await collector.collect();
  expect(await left()).toEqual(names.toSorted());
  expect(told[0]).toMatch(
    /^FreeDiskSpaceFailed Failed to garbage collect required amount of images\. Attempted to free/,
  );
  await clock.pass(60_000, async () => {});
  await collector.collect();
  expect(await left()).toEqual(["registry.test/pause:3.6", "registry.test/wanted:1"]);
  expect(told).toHaveLength(1);
});

test("of dead containers the newest of each name stays while its pod lives", () => {
  const container = (podUid: string, containerName: string, createdAt: number, state: Container["state"] = "exited") =>
    ({
      id: `${podUid}-${containerName}-${createdAt}`,
      state,
      createdAt,
      labels: podUid ? containerLabels({ podName: "web", podNamespace: "default", podUid, containerName }) : {},
    }) as Container;
  const containers = [
    container("live", "main", 1),
    container("live", "main", 2),
    container("live", "side", 1),
    container("live", "runs", 1),
    container("live", "runs", 2, "running"),
    container("ended", "main", 1),
    container("", "foreign", 1),
  ];
  const going = chooseDead(containers, (uid) => uid === "live").map(({ id }) => id);
  expect(going.toSorted()).toEqual(["ended-main-1", "live-main-1", "live-runs-1"]);
});
