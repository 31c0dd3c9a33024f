/** A volume of a pod template: its name, and one member that says what kind it is. */
export interface Volume {
  readonly name: string;
  readonly [source: string]: unknown;
}

interface Source {
  readonly medium?: string;
  readonly sizeLimit?: string;
  readonly name?: string;
  readonly optional?: boolean;
  readonly secretName?: string;
  readonly path?: string;
  readonly type?: string;
  readonly claimName?: string;
  readonly readOnly?: boolean;
}

/** What a template says of a volume, for people. */
export function volumeLines(volume: Volume): readonly string[] {
  const [kind = "", value] = Object.entries(volume).find(([member]) => member !== "name") ?? [];
  return [`   ${volume.name}:`, ...sourceLines(kind, (value ?? {}) as Source)];
}

function sourceLines(kind: string, source: Source): readonly string[] {
  const line = (label: string, value: unknown) => `    ${label}:\t${value}`;
  switch (kind) {
    case "emptyDir":
      return [
        line("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"),
        line("Medium", source.medium ?? ""),
        line("SizeLimit", source.sizeLimit ?? "<unset>"),
      ];
    case "configMap":
      return [
        line("Type", "ConfigMap (a volume populated by a ConfigMap)"),
        line("Name", source.name ?? ""),
        line("Optional", source.optional ?? false),
      ];
    case "secret":
      return [
        line("Type", "Secret (a volume populated by a Secret)"),
        line("SecretName", source.secretName ?? ""),
        line("Optional", source.optional ?? false),
      ];
    case "hostPath":
      return [
        line("Type", "HostPath (bare host directory volume)"),
        line("Path", source.path ?? ""),
        line("HostPathType", source.type ?? ""),
      ];
    case "persistentVolumeClaim":
      return [
        line("Type", "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"),
        line("ClaimName", source.claimName ?? ""),
        line("ReadOnly", source.readOnly ?? false),
      ];
    default:
      return [line("Type", kind)];
  }
}
