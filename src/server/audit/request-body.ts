import { parseYaml } from "../../machinery/codec-yaml.ts";
import type { Registry } from "../../registry/registry.ts";
import { decodeOther } from "../bodies/encodings.ts";
import { bareType, protobufType } from "../bodies/media-type.ts";
import type { BodyReader } from "./audit-record.ts";

/** Reads requests' bodies once more, for their audit events; what makes no sense is refused elsewhere. */
export function bodyReader(registry: Registry): BodyReader {
  return (bytes, request, info) => {
    if (bytes.byteLength === 0) return undefined;
    const type = bareType(request.headers["content-type"] ?? "application/json");
    const text = () => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
    try {
      if (type === protobufType) {
        const served = info.isResource ? registry.find(info.apiVersion, info.resource)?.served : undefined;
        return served && decodeOther(protobufType, bytes, served.type);
      }
      return type.includes("yaml") ? parseYaml(text()) : (JSON.parse(text()) as unknown);
    } catch {
      return undefined;
    }
  };
}
