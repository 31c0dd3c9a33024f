export interface RuntimeImage {
  /** The configuration's digest. */
  readonly id: string;
  /** `name:tag` references, fully qualified. */
  readonly repoTags: readonly string[];
  /** `name@digest` references, fully qualified. */
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** The image's user as a number, when it is one. */
  readonly uid?: number;
  /** The image's user as a name; empty when it is a number or not set. */
  readonly username: string;
  /** Never collected as garbage. */
  readonly pinned: boolean;
}

/** Credentials for one registry; which fields are filled depends on the registry. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `username:password`. */
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

/** The kubelet's names for why an image could not be pulled, and the runtime's own words. */
export type PullResult =
  | { readonly ok: true; readonly imageRef: string }
  | {
      readonly ok: false;
      readonly reason: "ErrImagePull" | "RegistryUnavailable" | "SignatureValidationFailed";
      readonly message: string;
    };

export interface FilesystemUsage {
  readonly timestamp: number;
  readonly mountpoint: string;
  readonly usedBytes?: number;
  readonly inodesUsed?: number;
}

/** Where images and containers' writable layers are kept; the two may be one file system. */
export interface ImageFsInfo {
  readonly images: readonly FilesystemUsage[];
  readonly containers: readonly FilesystemUsage[];
}
