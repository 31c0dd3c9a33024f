import type { FieldError } from "../machinery/status-error.ts";
import type { AnyObject, Served } from "./resource.ts";

/** Something taken for a write, as an address: kept when the write succeeds, given back when it does not. */
export interface Reservation {
  readonly object: AnyObject;
  /** The write was made. Never rejects. */
  keep(): Promise<void>;
  /** The write was not made. Never rejects. */
  release(): Promise<void>;
}

/** What a kind needs from the server that its declaration cannot say, because it reads other objects or takes turns. */
export interface Strategy {
  /** A finished deletion answers with the object, as upstream does for some kinds; else with a Status. */
  readonly returnsDeleted?: boolean;
  /** The faults of a write beside those that the declaration finds; `served` is the version that the writer speaks. */
  readonly validate?: (
    next: AnyObject,
    previous: AnyObject | undefined,
    served: Served,
  ) => readonly FieldError[] | Promise<readonly FieldError[]>;
  /** Carries over what the server chose before and the writer left out; before validation. */
  readonly prepareUpdate?: (next: AnyObject, previous: AnyObject) => AnyObject;
  /** Completes an object with what only the server can give, on create and update; nothing is written on a dry run. */
  readonly reserve?: (
    next: AnyObject,
    previous: AnyObject | undefined,
    options: { dryRun: boolean },
  ) => Promise<Reservation>;
  /** The object is gone from the store. Never rejects. */
  readonly removed?: (last: AnyObject) => Promise<void>;
  /** The first step of a deletion: undefined when there is none, and the usual way is taken. */
  readonly beginDelete?: (object: AnyObject, now: string) => AnyObject | undefined;
  /** False while something other than finalizers and grace keeps a deleted object. */
  readonly mayGo?: (object: AnyObject) => boolean;
}

/** Of kinds whose declaration says everything. */
export const plainStrategy: Strategy = {};
