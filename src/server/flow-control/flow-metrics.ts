import type { Metrics } from "../../lib/metrics.ts";
import type { Refusal } from "./priority-level.ts";

const both = ["priority_level", "flow_schema"] as const;
const waits = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];

export type FlowMeters = ReturnType<typeof flowMeters>;

/** Priority and fairness under upstream's metric names. */
export function flowMeters(metrics: Metrics) {
  return {
    dispatched: metrics.counter("apiserver_flowcontrol_dispatched_requests_total", "Requests that got seats.", both),
    rejected: metrics.counter("apiserver_flowcontrol_rejected_requests_total", "Requests that were refused.", [
      ...both,
      "reason",
    ]),
    inQueue: metrics.gauge("apiserver_flowcontrol_current_inqueue_requests", "Requests that wait.", both),
    executing: metrics.gauge("apiserver_flowcontrol_current_executing_requests", "Requests being worked on.", both),
    waited: metrics.histogram(
      "apiserver_flowcontrol_request_wait_duration_seconds",
      "Time that requests spent in queues.",
      [...both, "execute"],
      waits,
    ),
    seats: metrics.gauge("apiserver_flowcontrol_current_executing_seats", "Seats in use.", both),
    nominal: metrics.gauge("apiserver_flowcontrol_nominal_limit_seats", "Seats by shares alone.", ["priority_level"]),
    lower: metrics.gauge("apiserver_flowcontrol_lower_limit_seats", "Seats that are never lent.", ["priority_level"]),
    upper: metrics.gauge("apiserver_flowcontrol_upper_limit_seats", "Seats at most.", ["priority_level"]),
    current: metrics.gauge("apiserver_flowcontrol_current_limit_seats", "Seats just now.", ["priority_level"]),
  };
}

/** The meters of one flow schema at its level, looked up once. */
export function schemaMeters(meters: FlowMeters, priority_level: string, flow_schema: string) {
  const labels = { priority_level, flow_schema };
  return {
    dispatched: meters.dispatched.with(labels),
    executing: meters.executing.with(labels),
    seats: meters.seats.with(labels),
    inQueue: meters.inQueue.with(labels),
    waited: meters.waited.with({ ...labels, execute: "true" }),
    waitedInVain: meters.waited.with({ ...labels, execute: "false" }),
    rejected: (reason: Refusal) => meters.rejected.inc({ ...labels, reason }),
  };
}
