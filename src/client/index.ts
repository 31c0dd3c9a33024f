/** `navarch/client`: what a program needs that talks to a cluster, or keeps one in order. The kinds are in `navarch/api/…`. */
export { type Clock, systemClock } from "../lib/clock.ts";
export { Fault, faultCode } from "../lib/fault.ts";
export { type Log, openLog, silentLog } from "../lib/log.ts";
export { type Random, seededRandom, systemRandom } from "../lib/random.ts";
export { VirtualClock } from "../lib/virtual-clock.ts";
export {
  type Draft,
  type KindRef,
  type KubeList,
  type KubeObject,
  keyOf,
  keyText,
  type ObjectKey,
  type OwnerReference,
} from "../machinery/object.ts";
export { isStatus, StatusError } from "../machinery/status-error.ts";
export { createClient } from "./api-client.ts";
export type {
  Client,
  DeleteOptions,
  Informer,
  InformerHandler,
  InformerSelection,
  Informers,
  ListOptions,
  Patch,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
export { type Connection, type ConnectOptions, connect } from "./connect.ts";
export { type Reconciled, type Watched, watching } from "./controller.ts";
export {
  type ControllerSurroundings,
  defineController,
  type OwnController,
  type ReconcileTools,
  type RunnableController,
} from "./define-controller.ts";
export { type ApplyOptions, apply, controllerReference, type Desired, ifFound } from "./desired.ts";
export { createEventRecorder, type EventRecorder } from "./event-recorder.ts";
export { type HttpTransportOptions, httpTransport } from "./http-transport.ts";
export { createInformers } from "./informer.ts";
export {
  type Candidate,
  type ElectionOptions,
  type ElectionTimes,
  type Lead,
  runElected,
  type Term,
  usualElectionTimes,
} from "./leader-election.ts";
export type { Transport, WatchEvent } from "./transport.ts";
export { WorkQueue } from "./work-queue.ts";
