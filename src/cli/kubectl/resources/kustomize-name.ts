// No path has this character, so no file is taken for a kustomization or the other way round.
const mark = "\0";

/** A kustomization among the names of files that a command reads. */
export const kustomizeName = (folder: string): string => `${mark}${folder}`;

/** The folder of a name that means a kustomization; undefined for a file's. */
export const kustomizationIn = (name: string): string | undefined =>
  name.startsWith(mark) ? name.slice(mark.length) : undefined;
