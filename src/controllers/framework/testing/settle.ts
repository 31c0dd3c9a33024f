/** Lets everything that is ready to run, run: `rounds` turns of the event loop. */
export async function turns(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when `holds` returns something else than false or undefined, with it; throws what it waits for after many turns. */
export async function eventually<T>(what: string, holds: () => T | false | undefined): Promise<T> {
  for (let round = 0; round < 5000; round += 1) {
    const result = holds();
    if (result !== false && result !== undefined) return result;
    await turns(1);
  }
  throw new Error(`never came true: ${what}`);
}
