import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Random } from "../lib/random.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import { leaseGrant } from "./etcd-wire.ts";

interface Lease {
  readonly id: number;
  /** The last moment at which a key with its ttl may still join, on our monotonic clock. */
  readonly joinUntil: number;
  keys: number;
}

/** One lease of etcd's carries this many keys at most: all of them end in one transaction. */
const mostKeys = 1000;

/** Leases by ttl. Keys that begin within a twentieth of their ttl share one and live up to so much longer. */
export class EtcdLeases {
  readonly #connection: EtcdConnection;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #leases = new Map<number, Promise<Lease>>();

  constructor(options: { readonly connection: EtcdConnection; readonly clock: Clock; readonly random: Random }) {
    this.#connection = options.connection;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** A lease for one key that is to live `ttl` seconds. */
  async join(ttl: number): Promise<number> {
    for (;;) {
      let granting = this.#leases.get(ttl);
      if (!granting) {
        granting = this.#grant(ttl);
        this.#leases.set(ttl, granting);
        granting.catch(() => this.#drop(ttl, granting));
      }
      const lease = await granting;
      if (lease.keys < mostKeys && this.#clock.monotonic() <= lease.joinUntil) {
        lease.keys++;
        return lease.id;
      }
      this.#drop(ttl, granting);
    }
  }

  /** Forgets the lease of a ttl, because etcd does not know it any more. */
  forget(ttl: number): void {
    this.#leases.delete(ttl);
  }

  #drop(ttl: number, granting: Promise<Lease> | undefined): void {
    if (this.#leases.get(ttl) === granting) this.#leases.delete(ttl);
  }

  async #grant(ttl: number): Promise<Lease> {
    const slack = Math.min(60, Math.floor(ttl / 20));
    const began = this.#clock.monotonic();
    // Chosen here, because one of etcd's choosing does not fit into a number.
    const id = 1 + Math.floor(this.#random.next() * (Number.MAX_SAFE_INTEGER - 1));
    const { error } = await this.#connection.call(leaseGrant, { TTL: ttl + slack, ID: id }, { repeatable: false });
    if (error) throw new Fault("unavailable", `etcd granted no lease: ${error}`);
    return { id, joinUntil: began + Math.max(slack * 1000, 1), keys: 0 };
  }
}
