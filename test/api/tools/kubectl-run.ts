import { spawn } from "node:child_process";
import { kubectlPath } from "../../e2e/tools/kubectl.ts";
import type { LiveServer } from "./live-server.ts";

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an unmodified kubectl against a server; `input` is its standard input. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<Ended>;

/** A kubectl for a server and a namespace, with its cache and its home in the server's folder. */
export function kubectlFor({ kubeconfig, folder }: LiveServer, namespace: string): Kubectl {
  const program = kubectlPath();
  return (args, input) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, ["--kubeconfig", kubeconfig, "-n", namespace, ...args], {
        env: {
          PATH: process.env.PATH,
          HOME: folder,
          KUBECACHEDIR: `${folder}/cache`,
          KUBECTL_EXTERNAL_DIFF: "diff -u -N",
        },
      });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
      child.stdin.on("error", () => {});
      child.stdin.end(input ?? "");
    });
}
