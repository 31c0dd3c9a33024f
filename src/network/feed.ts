/** Where objects of one kind come from; an `Informer` of the client room is one. */
export interface ObjectFeed<T> {
  /** Calls back for every change from now on, after replaying what is there as `added`. */
  on(handler: {
    readonly added?: (object: T, initial: boolean) => void;
    readonly updated?: (next: T, previous: T) => void;
    readonly deleted?: (last: T) => void;
  }): Disposable;
  /** Resolves when everything that existed at the start has been delivered. */
  synced(): Promise<void>;
}

/** Calls `set` for what is there, new or changed, and `remove` for what is gone. */
export function follow<T>(feed: ObjectFeed<T>, set: (object: T) => void, remove: (object: T) => void): Disposable {
  return feed.on({ added: set, updated: set, deleted: remove });
}
