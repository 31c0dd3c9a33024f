import type { Transport, TransportRequest, TransportResponse } from "../client/transport.ts";
import type { NodeFolders } from "../controllers/local-path/node-folders.ts";
import { Fault } from "../lib/fault.ts";

/** The most that is read of an answer: figures of a full node are far less. */
const longestAnswer = 16 * 1024 * 1024;

/** Asks a node's agent through the API server's `nodes/proxy`; the answer's text. Throws Fault `unavailable` with what the node said. */
export async function callNode(
  transport: Transport,
  method: TransportRequest["method"],
  node: string,
  path: string,
  signal?: AbortSignal,
): Promise<string> {
  const answer = await transport.send({
    method,
    path: `/api/v1/nodes/${encodeURIComponent(node)}/proxy/${path}`,
    signal,
  });
  const text = await answerText(answer);
  if (answer.status >= 400) throw new Fault("unavailable", `node ${node}: ${messageOf(text)}`);
  return text;
}

/** The whole body of an answer as text. Throws Fault `unavailable` for one without end. */
export async function answerText(answer: TransportResponse): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer.bytes()) {
    length += part.length;
    if (length > longestAnswer) throw new Fault("unavailable", "the answer does not end");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** The server's own refusals are Status objects, the node's are plain text. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: string };
    return message ?? text;
  } catch {
    return text.trim();
  }
}

/** Folders of volumes, made and removed by the nodes' own agents. */
export function nodeFolders(transport: Transport): NodeFolders {
  const place = (volume: string) => `localVolumes/${encodeURIComponent(volume)}`;
  return {
    async make(node, volume) {
      const { path } = JSON.parse(await callNode(transport, "PUT", node, place(volume))) as { readonly path?: string };
      if (!path) throw new Fault("unavailable", `node ${node} did not say where the folder is`);
      return path;
    },
    async remove(node, volume) {
      await callNode(transport, "DELETE", node, place(volume));
    },
  };
}
