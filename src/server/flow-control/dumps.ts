import { textResponse } from "../bodies/status-body.ts";
import type { PathHandler } from "../paths.ts";
import type { FlowControl } from "./flow-control.ts";
import type { FlowRequest } from "./flow-request.ts";

const root = "/debug/api_priority_and_fairness";

/** Upstream's tables about levels, queues and requests just now: what is looked at when requests wait or are refused. */
export function flowDumps(flow: Pick<FlowControl, "levels" | "running">): Readonly<Record<string, PathHandler>> {
  const answer =
    (table: (query: URLSearchParams) => readonly Row[]): PathHandler =>
    async (_request, { query }) =>
      textResponse(200, tableText(table(query)));
  return {
    [`${root}/dump_priority_levels`]: answer(() => levelRows(flow)),
    [`${root}/dump_queues`]: answer(() => queueRows(flow)),
    [`${root}/dump_requests`]: answer((query) => requestRows(flow, Boolean(query.get("includeRequestDetails")))),
  };
}

type Row = readonly (string | number | boolean)[];

const levelHead = [
  "PriorityLevelName",
  "ActiveQueues",
  "IsIdle",
  "IsQuiescing",
  "WaitingRequests",
  "ExecutingRequests",
  "DispatchedRequests",
  "RejectedRequests",
  "TimedoutRequests",
  "CancelledRequests",
];

function levelRows({ levels }: Pick<FlowControl, "levels">): readonly Row[] {
  const rows = levels.map((level) => {
    const { name, queues, waiting, executing, counts } = level;
    const active = queues.filter((queue) => queue.waiting.length > 0).length;
    const { dispatched, rejected, timedOut, cancelled } = counts;
    const idle = waiting + executing === 0;
    return [name, active, idle, false, waiting, executing, dispatched, rejected, timedOut, cancelled];
  });
  return [levelHead, ...rows];
}

const queueHead = [
  "PriorityLevelName",
  "Index",
  "PendingRequests",
  "ExecutingRequests",
  "SeatsInUse",
  "NextDispatchR",
  "InitialSeatsSum",
  "MaxSeatsSum",
  "TotalWorkSum",
];

function queueRows({ levels }: Pick<FlowControl, "levels">): readonly Row[] {
  const rows = levels.flatMap(({ name, queues }) =>
    queues.map(({ waiting, executing, executingSeats, due, waitingSeats }, index) => {
      const work = waiting.reduce((sum, { work: one }) => sum + one, 0);
      return [
        name,
        index,
        waiting.length,
        executing,
        executingSeats,
        seatSeconds(due),
        waitingSeats,
        waitingSeats,
        seatSeconds(work),
      ];
    }),
  );
  return [queueHead, ...rows];
}

/** Seats times seconds, of seats times milliseconds. */
const seatSeconds = (work: number) => `${(work / 1000).toFixed(8)}ss`;

const requestHead = [
  "PriorityLevelName",
  "FlowSchemaName",
  "QueueIndex",
  "RequestIndexInQueue",
  "FlowDistingsher", // as upstream spells it
  "ArriveTime",
  "InitialSeats",
  "FinalSeats",
  "AdditionalLatency",
  "StartTime",
];
const detailHead = ["UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource"];

function requestRows({ levels, running }: Pick<FlowControl, "levels" | "running">, details: boolean): readonly Row[] {
  const rowOf = (request: FlowRequest, queue: number, index: number): Row => {
    const { level, schema, distinguisher, seats, came, started } = request;
    const start = started === undefined ? "0001-01-01T00:00:00Z" : timeText(started);
    const plain = [level, schema, queue, index, distinguisher, timeText(came), seats, 0, "0s", start];
    return details ? [...plain, ...detailsOf(request)] : plain;
  };
  const rows = levels.flatMap(({ name, queues }) => [
    ...[...running].filter(({ level }) => level === name).map((request) => rowOf(request, -1, -1)),
    ...queues.flatMap(({ waiting }, queue) => waiting.map(({ request }, index) => rowOf(request, queue, index))),
  ]);
  return [details ? [...requestHead, ...detailHead] : requestHead, ...rows];
}

const timeText = (milliseconds: number) => new Date(milliseconds).toISOString();

function detailsOf({ user, info }: FlowRequest): Row {
  if (!info.isResource) return [user.name, info.verb, info.path, "", "", "", "", ""];
  const { verb, path, namespace, name, apiVersion, resource, subresource } = info;
  return [user.name, verb, path, namespace, name, apiVersion, resource, subresource];
}

/** Columns with commas, padded so that people can read them. */
function tableText(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? `${cell}` : `${cell},`)));
  const widths = (cells[0] ?? []).map((_, at) => Math.max(7, ...cells.map((row) => row[at]?.length ?? 0)) + 1);
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("");
  return `${cells.map(line).join("\n")}\n`;
}
