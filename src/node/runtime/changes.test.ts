import { describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { Changes, eventsBetween, type LifeRecord, type LifeState } from "./changes.ts";
import type { RuntimeEvent } from "./runtime.ts";

const life = (id: string, state: LifeState): LifeRecord => ({
  kind: "container",
  id,
  sandboxId: "s",
  podUid: "p",
  state,
});

describe("events between two states", () => {
  test.each([
    { name: "appearing", before: undefined, after: "created", types: ["created"] },
    { name: "found running", before: undefined, after: "running", types: ["started"] },
    { name: "starting", before: "created", after: "running", types: ["started"] },
    { name: "failing to start", before: "created", after: "exited", types: ["exited"] },
    { name: "staying", before: "running", after: "running", types: [] },
    { name: "vanishing while it ran", before: "running", after: undefined, types: ["exited", "deleted"] },
    { name: "going after its end", before: "exited", after: undefined, types: ["deleted"] },
    { name: "never there", before: undefined, after: undefined, types: [] },
  ] as const)("of something $name are $types", ({ before, after, types }) => {
    const events = eventsBetween(before && life("c", before), after && life("c", after));
    expect(events.map(({ type }) => type)).toEqual(types);
  });
});

describe("changes", () => {
  /** A runtime of which the test says what it shows, and when a list answers. */
  const watch = (relistMs?: number) => {
    const shown = new Map<string, LifeRecord>();
    const stop = new AbortController();
    let beforeListing: () => Promise<void> = async () => {};
    const changes = new Changes({
      source: {
        list: async () => {
          const listed = [...shown.values()];
          await beforeListing();
          return listed;
        },
        read: async (id) => shown.get(id),
      },
      clock: systemClock,
      relistMs,
      signal: stop.signal,
    });
    const events = changes.events[Symbol.asyncIterator]() as AsyncIterator<RuntimeEvent>;
    const next = async () => {
      const { value, done } = await events.next();
      return done ? "end" : `${value.id} ${value.type}`;
    };
    const show = (id: string, state: LifeState | undefined) => {
      if (state) shown.set(id, life(id, state));
      else shown.delete(id);
    };
    return { changes, show, next, stop, slowListing: (wait: () => Promise<void>) => (beforeListing = wait) };
  };

  test("tell at a hint what is true then", async () => {
    const { changes, show, next } = watch();
    show("c", "running");
    changes.hint("c");
    expect(await next()).toBe("c started");
    show("c", "exited");
    changes.hint("c");
    changes.hint("c");
    expect(await next()).toBe("c exited");
  });

  test("wait for the runtime to show an end that it told of", async () => {
    const { changes, show, next } = watch();
    show("c", "running");
    changes.hint("c");
    expect(await next()).toBe("c started");
    changes.hint("c", { expects: "end" });
    const told = next();
    await systemClock.sleep(5);
    show("c", "exited");
    expect(await told).toBe("c exited");
    changes.hint("c", { expects: "gone" });
    const gone = next();
    await systemClock.sleep(5);
    show("c", undefined);
    expect(await gone).toBe("c deleted");
  });

  test("are found by a list when no hint came", async () => {
    const { show, next, changes, stop } = watch(5);
    show("a", "running");
    await changes.relist();
    expect(await next()).toBe("a started");
    show("a", undefined);
    show("b", "created");
    const found = new Set([await next(), await next(), await next()]);
    expect(found).toEqual(new Set(["a exited", "a deleted", "b created"]));
    stop.abort();
  });

  test("are not taken back by a list that is older than a hint", async () => {
    const { changes, show, next, slowListing, stop } = watch();
    const answered = Promise.withResolvers<void>();
    slowListing(() => answered.promise);
    const listing = changes.relist();
    show("c", "running");
    changes.hint("c");
    expect(await next()).toBe("c started");
    answered.resolve();
    await listing;
    stop.abort();
    expect(await next()).toBe("end");
  });

  test("are not taken back by a list that another one has overtaken", async () => {
    const { changes, show, next, slowListing, stop } = watch();
    const answered = Promise.withResolvers<void>();
    slowListing(() => answered.promise);
    const slow = changes.relist();
    slowListing(async () => {});
    show("a", "running");
    changes.hint("a");
    expect(await next()).toBe("a started");
    show("b", "running");
    await changes.relist();
    expect(await next()).toBe("b started");
    answered.resolve();
    await slow;
    stop.abort();
    expect(await next()).toBe("end");
  });

  test("end with their signal", async () => {
    const { next, stop } = watch();
    const end = next();
    stop.abort();
    expect(await end).toBe("end");
  });
});
