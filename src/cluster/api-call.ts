import type { Transport, TransportRequest } from "../client/transport.ts";
import type { Status } from "../machinery/generated/meta-v1.ts";
import { StatusError } from "../machinery/status-error.ts";

/** The value that a call answers with. Throws StatusError for every answer but 200, and the transport's faults. */
export async function callApi(transport: Transport, request: TransportRequest): Promise<unknown> {
  const answer = await transport.send(request);
  const value = await answer.value();
  if (answer.status !== 200) throw StatusError.fromStatus(value as Status);
  return value;
}
