import { runProgram } from "./program.ts";

// `navarch kubectl get` and, linked under that name, `kubectl get`.
await runProgram(process.argv.slice(process.argv[2] === "kubectl" ? 3 : 2));
