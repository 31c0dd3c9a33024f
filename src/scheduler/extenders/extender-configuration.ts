/** One HTTP extender as the configuration file describes it (kubescheduler.config.k8s.io/v1). */
export interface ExtenderConfiguration {
  readonly urlPrefix: string;
  readonly filterVerb?: string;
  readonly preemptVerb?: string;
  readonly prioritizeVerb?: string;
  readonly bindVerb?: string;
  readonly weight?: number;
  readonly enableHTTPS?: boolean;
  readonly tlsConfig?: {
    readonly insecure?: boolean;
    readonly serverName?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly caFile?: string;
    /** PEM as base64, in place of files. */
    readonly certData?: string;
    readonly keyData?: string;
    readonly caData?: string;
  };
  /** As `5s`. */
  readonly httpTimeout?: string;
  /** The extender knows the nodes: it gets names only. */
  readonly nodeCacheCapable?: boolean;
  readonly managedResources?: readonly { readonly name: string; readonly ignoredByScheduler?: boolean }[];
  /** Pods are placed without it while it does not answer. */
  readonly ignorable?: boolean;
}
