import type { Clock } from "../../lib/clock.ts";
import { SeatDemand } from "./allocation.ts";
import type { FlowRequest } from "./flow-request.ts";
import { dealHand } from "./shuffle-sharding.ts";

/** How a level treats requests that find no seat. */
export interface LevelShape {
  readonly exempt: boolean;
  /** Absent: refuse instead of queueing. */
  readonly queuing?: { readonly queues: number; readonly handSize: number; readonly queueLengthLimit: number };
}

export type Refusal = "queue-full" | "concurrency-limit" | "time-out" | "cancelled";

interface Waiting {
  readonly request: FlowRequest;
  readonly queue: Queue;
  readonly settle: (refused: Refusal | undefined) => void;
}

interface Queue {
  readonly waiting: Waiting[];
  waitingSeats: number;
  executing: number;
  executingSeats: number;
  /** The virtual time at which its next request is due. */
  due: number;
}

/** A queue as those see it who look into it. */
export interface QueueView extends Readonly<Pick<Queue, "executing" | "executingSeats" | "waitingSeats" | "due">> {
  /** With the work that each is thought to be, in seats times milliseconds. */
  readonly waiting: readonly { readonly request: FlowRequest; readonly work: number }[];
}

/** What a request is thought to take until it has shown otherwise, in milliseconds. */
const guess = 3;

/** The requests of one priority level: those that have seats, and those that wait in fair queues. */
export class PriorityLevel {
  readonly name: string;
  readonly uid: string;
  readonly demand: SeatDemand;
  /** How many seats requests may take just now; set by the allocation. */
  limit = 0;
  /** What became of requests since the level is there. */
  readonly counts = { dispatched: 0, rejected: 0, timedOut: 0, cancelled: 0 };
  #shape: LevelShape;
  readonly #clock: Clock;
  #queues: Queue[] | undefined;
  #seats = 0;
  #executing = 0;
  #waiting = 0;
  #waitingSeats = 0;
  /** Grows with what is dispatched; queues that fall empty lose their arrears. */
  #virtualTime = 0;

  constructor(name: string, uid: string, shape: LevelShape, clock: Clock) {
    this.name = name;
    this.uid = uid;
    this.#shape = shape;
    this.#clock = clock;
    this.demand = new SeatDemand(clock.monotonic());
  }

  get exempt(): boolean {
    return this.#shape.exempt;
  }
  get executing(): number {
    return this.#executing;
  }
  get executingSeats(): number {
    return this.#seats;
  }
  get waiting(): number {
    return this.#waiting;
  }
  get queues(): readonly QueueView[] {
    return (this.#queues ?? []).map((queue) => ({
      ...queue,
      waiting: queue.waiting.map(({ request }) => ({ request, work: guess * request.seats })),
    }));
  }

  /** Takes another shape; queues with requests in them keep theirs until they are empty. */
  reshape(shape: LevelShape): void {
    this.#shape = shape;
    if (this.#waiting === 0) this.#queues = undefined;
  }

  /** Takes seats when there are enough and nobody waits: the way of nearly all requests. */
  start(seats: number): boolean {
    if (!this.#shape.exempt && (this.#waiting > 0 || !this.#fits(seats))) return false;
    this.#take(seats);
    return true;
  }

  /** Counts a request that got no seats. */
  countRefusal(refused: Refusal): void {
    this.counts[countOf[refused]] += 1;
  }

  /** Gives back what `start` took. */
  finish(seats: number): void {
    this.#seats -= seats;
    this.#executing -= 1;
    if (this.#waiting > 0) this.dispatch();
    this.#note();
  }

  /**
   * Waits in one of the flow's queues: calls `settle` with nothing once the seats are taken, or with why it was not to
   * be. The disposable takes it out of the queue.
   */
  enqueue(request: FlowRequest, settle: Waiting["settle"]): QueuedRequest | Refusal {
    const { queuing } = this.#shape;
    const { schema, distinguisher, seats } = request;
    const flow = `${schema}/${distinguisher}`;
    if (!queuing) return "concurrency-limit";
    this.#queues ??= Array.from({ length: queuing.queues }, () => ({
      waiting: [],
      waitingSeats: 0,
      executing: 0,
      executingSeats: 0,
      due: 0,
    }));
    const queues = this.#queues;
    let chosen: Queue | undefined;
    for (const index of dealHand(flow, queues.length, queuing.handSize)) {
      const queue = queues[index];
      if (queue && (!chosen || load(queue) < load(chosen))) chosen = queue;
    }
    if (!chosen || chosen.waiting.length >= queuing.queueLengthLimit) return "queue-full";
    if (chosen.waiting.length === 0) chosen.due = Math.max(chosen.due, this.#virtualTime);
    const queue = chosen;
    const entry: Waiting = { request, queue, settle };
    queue.waiting.push(entry);
    queue.waitingSeats += seats;
    this.#waiting += 1;
    this.#waitingSeats += seats;
    this.#note();
    return new QueuedRequest(
      () => this.#leave(entry),
      (milliseconds) => {
        queue.executing -= 1;
        queue.executingSeats -= seats;
        queue.due += (milliseconds - guess) * seats;
        this.finish(seats);
      },
    );
  }

  /** Gives seats to those who wait, the queue that was served least first. */
  dispatch(): void {
    while (this.#waiting > 0) {
      let next: Queue | undefined;
      for (const queue of this.#queues ?? []) {
        if (queue.waiting.length > 0 && (!next || queue.due < next.due)) next = queue;
      }
      const entry = next?.waiting[0];
      if (!next || !entry || !this.#fits(entry.request.seats)) return;
      const { seats } = entry.request;
      this.#leave(entry);
      this.#virtualTime = Math.max(this.#virtualTime, next.due);
      next.due += guess * seats;
      next.executing += 1;
      next.executingSeats += seats;
      this.#take(seats);
      entry.settle(undefined);
    }
  }

  #leave(entry: Waiting): boolean {
    const { queue, request } = entry;
    const { seats } = request;
    const at = queue.waiting.indexOf(entry);
    if (at < 0) return false;
    queue.waiting.splice(at, 1);
    queue.waitingSeats -= seats;
    this.#waiting -= 1;
    this.#waitingSeats -= seats;
    return true;
  }

  // A request that is wider than the whole level has to run at some time: alone.
  #fits(seats: number): boolean {
    return this.#seats + seats <= this.limit || this.#seats === 0;
  }

  #take(seats: number): void {
    this.#seats += seats;
    this.#executing += 1;
    this.counts.dispatched += 1;
    this.#note();
  }

  #note(): void {
    this.demand.set(this.#seats + this.#waitingSeats, this.#clock.monotonic());
  }
}

/** A request in a queue, or running after it was in one. */
export class QueuedRequest {
  readonly leave: () => boolean;
  readonly finish: (milliseconds: number) => void;

  /** `leave` takes it out and says whether it was still waiting; `finish` gives its seats back after so long. */
  constructor(leave: () => boolean, finish: (milliseconds: number) => void) {
    this.leave = leave;
    this.finish = finish;
  }
}

const countOf = {
  "queue-full": "rejected",
  "concurrency-limit": "rejected",
  "time-out": "timedOut",
  cancelled: "cancelled",
} as const;

const load = (queue: Queue) => queue.waitingSeats + queue.executingSeats;
