/** Always for an image that is or may be `latest`, IfNotPresent for one with another tag or a digest. */
export function pullPolicyOf(image: string | undefined): "Always" | "IfNotPresent" {
  if (!image) return "IfNotPresent";
  const at = image.indexOf("@");
  const reference = at < 0 ? image : image.slice(0, at);
  const colon = reference.indexOf(":", reference.lastIndexOf("/") + 1);
  if (colon >= 0) return reference.slice(colon + 1) === "latest" ? "Always" : "IfNotPresent";
  return at < 0 ? "Always" : "IfNotPresent";
}
