/** What the command line needs to make nodes that are only played. */
export { addSimulatedNodes, ensureSimulatedNodes, simulatedNodes } from "../node/simulated-nodes/make-nodes.ts";
export { readStages } from "../node/simulated-nodes/stage-file.ts";
export { keepStages } from "../node/simulated-nodes/stages.ts";
