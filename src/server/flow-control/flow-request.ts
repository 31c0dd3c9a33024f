import type { UserInfo } from "../exchange.ts";
import type { RequestInfo } from "../request-info.ts";

/** A request that waits or is being worked on, as those who look into flow control see it. */
export interface FlowRequest {
  readonly level: string;
  readonly schema: string;
  readonly distinguisher: string;
  readonly user: UserInfo;
  readonly info: RequestInfo;
  readonly seats: number;
  /** Milliseconds since the epoch. */
  readonly came: number;
  /** When it got its seats; undefined while it waits. */
  started: number | undefined;
}
