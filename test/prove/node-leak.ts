import { parseArgs } from "node:util";
import { prove } from "./node-cluster.ts";
import { allSpecies, type Specimen, specimen } from "./node-zoo.ts";

/**
 * Proves that pods leave nothing behind: pods of every kind are made and deleted again and again, and after the last one
 * the node has no mount, interface, namespace, control group, snapshot, address, nftables element, process or file more
 * than before the first.
 *
 *   node test/prove/node-leak.ts --cycles 200 --at-once 4
 */
const { values } = parseArgs({
  options: { cycles: { type: "string", default: "200" }, "at-once": { type: "string", default: "4" } },
});
const cycles = Number(values.cycles);
const atOnce = Number(values["at-once"]);

await prove("leak", async (proof) => {
  const before = await proof.traces();
  let made = 0;
  let held = 0;
  for (let cycle = 1; cycle <= cycles; cycle++) {
    const few: Specimen[] = [];
    for (let index = 0; index < atOnce; index++) {
      few.push(specimen(allSpecies[made % allSpecies.length]!, `s${made}`));
      made += 1;
    }
    await Promise.all(few.map((each) => proof.add(each)));
    await proof.settles(few);
    if (cycle === 1) held = (await proof.traces()).size - before.size;
    await Promise.all(few.map((each) => proof.remove(each)));
    await proof.settles([]);
    if (cycle % 50 === 0) {
      await proof.hasOnly(before);
      console.log(`node-leak: ${cycle} cycles, agent ${JSON.stringify(proof.agent())}`);
    }
  }
  // Who measures nothing finds no leak.
  if (held < 10 * atOnce) throw new Error(`the measure sees too little: ${held} traces of ${atOnce} pods`);
  await proof.hasOnly(before);
  return `${cycles} cycles, ${made} specimens, nothing left of ${held} traces of the first ${atOnce}`;
});
