/** How nodes are asked for the folders that volumes live in. */
export interface NodeFolders {
  /** Makes the folder of a volume unless it is there; returns its path on the node. */
  make(node: string, volume: string): Promise<string>;
  /** Removes the folder with all that is in it; nothing to do is fine. */
  remove(node: string, volume: string): Promise<void>;
}

/** Whom a StorageClass names to get its volumes from here. */
export const localPathProvisioner = "navarch.local/local-path";

/** On a volume: the name of the node that has its folder. */
export const nodeAnnotation = "local.path.provisioner/selected-node";

/** Keeps a volume that somebody deletes until its folder is dealt with. */
export const folderFinalizer = "external-provisioner.volume.kubernetes.io/finalizer";

export const provisionedBy = "pv.kubernetes.io/provisioned-by";
