/** Kubernetes' letters for generated names: no vowels and no look-alikes, so that no words come out. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** Writes each character of a text as one of the safe letters. */
export function safeLetters(text: string): string {
  return Array.from(text, (character) => alphabet[character.charCodeAt(0) % alphabet.length]).join("");
}
