import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "250,1000,4000" },
    shapes: { type: "string", default: "basic,spread,anti-affinity,preemption" },
    /** In every run the same, so that only the cluster grows. */
    pods: { type: "string", default: "2000" },
    timeout: { type: "string", default: "600" },
    output: { type: "string", short: "o", default: "text" },
  },
});

/**
 * What a pod costs against the number of nodes, for each sort of pods, each run in a process of its own: milliseconds of
 * processor time, which stay true on a busy machine, and of the clock.
 */
const sizes = values.sizes.split(",").map(Number);
const shapes = values.shapes.split(",");
const program = fileURLToPath(new URL("scale.ts", import.meta.url));
const run = promisify(execFile);

interface Run {
  readonly nodes: number;
  readonly shape: string;
  /** Of all threads of the process. */
  readonly processorMsPerPod: number;
  readonly msPerPod: number;
  readonly decisionsPerPod: number;
  readonly boundSeconds: number;
  readonly rssMegabytes: number;
}

const runs: Run[] = [];
for (const shape of shapes) {
  for (const nodes of sizes) {
    const sizing = ["--nodes", `${nodes}`, "--pods", values.pods, "--shape", shape, "--timeout", values.timeout];
    const { stdout } = await run(process.execPath, [program, ...sizing, "--log", "error", "-o", "json"]);
    const told = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    const { boundSeconds, processorSeconds, decisions, rssMegabytes } = told;
    const perPod = (amount: number) => Number((amount / Number(values.pods)).toFixed(2));
    runs.push({
      nodes,
      shape,
      processorMsPerPod: perPod(processorSeconds * 1000),
      msPerPod: perPod(boundSeconds * 1000),
      decisionsPerPod: perPod(decisions),
      boundSeconds,
      rssMegabytes,
    });
    if (values.output !== "json") console.error(`${shape}, ${nodes} nodes: ${boundSeconds} s`);
  }
}
if (values.output === "json") console.log(JSON.stringify({ pods: Number(values.pods), runs }));
else {
  const cell = (text: string) => text.padStart(16);
  console.log(`Milliseconds per pod, of processor time / of the clock, ${values.pods} pods:`);
  console.log(["nodes", ...shapes].map(cell).join(""));
  for (const size of sizes) {
    const row = shapes.map((shape) => runs.find((each) => each.nodes === size && each.shape === shape)!);
    console.log(
      [`${size}`, ...row.map(({ processorMsPerPod, msPerPod }) => `${processorMsPerPod} / ${msPerPod}`)]
        .map(cell)
        .join(""),
    );
  }
}
