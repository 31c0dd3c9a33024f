/** So often freed memory is given back: a walk over the heap, 1 ms when there is little to find, some 30 ms after a storm. */
const everyMs = 10_000;

/**
 * Gives the kernel back, now and then, what this process has freed. The C library does that by itself only at the end of
 * its heap; holes between things that live on, left by thousands of buffers that came and went, it keeps: 150 MB after
 * 100,000 creates. Does nothing with a Node or a C library that has no way to ask for it.
 */
export function trimHeap(): Disposable {
  const trim = heapTrim();
  const timer = trim && setInterval(trim, everyMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Gives back at once; undefined where there is no way to. */
export function heapTrim(): (() => void) | undefined {
  // There from Node 26.1 on.
  const ffi: typeof import("node:ffi") | undefined = quietly(() => process.getBuiltinModule("node:ffi"));
  try {
    const library = ffi?.dlopen(null, { malloc_trim: { arguments: ["u64"], return: "i32" } });
    return library && (() => void library.functions.malloc_trim(0n));
  } catch {
    // Another C library than GNU's.
    return undefined;
  }
}

/** The module warns whoever loads it that it is experimental: nothing that people at a terminal could act upon. */
function quietly<T>(load: () => T): T {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = warn;
  }
}
