const whiteSpace = " \t\r\n";

/**
 * What Go's JSON reader says is wrong with a text that should be an object; undefined if nothing is. The message of a
 * broken Docker configuration in a Secret is read by people and tests, so its words are Go's.
 */
export function goJsonObjectFault(text: string): string | undefined {
  const fault = new Scanner(text).fault();
  if (fault !== undefined) return fault;
  const value: unknown = JSON.parse(text);
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return undefined;
  const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}

const ended = "unexpected end of JSON input";

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fault(): string | undefined {
    const fault = this.#value();
    if (fault !== undefined) return fault;
    this.#skip();
    return this.#at < this.#text.length ? this.#unexpected("after top-level value") : undefined;
  }

  #skip(): void {
    while (this.#at < this.#text.length && whiteSpace.includes(this.#text.charAt(this.#at))) this.#at++;
  }

  #unexpected(where: string): string {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    const shown = character === "'" ? "'\\''" : `'${JSON.stringify(character).slice(1, -1).replace('\\"', '"')}'`;
    return `invalid character ${shown} ${where}`;
  }

  #value(): string | undefined {
    this.#skip();
    const first = this.#text[this.#at];
    if (first === undefined) return ended;
    if (first === "{") return this.#members();
    if (first === "[") return this.#elements();
    if (first === '"') return this.#string();
    if (first === "-" || (first >= "0" && first <= "9")) return this.#number();
    const literal = ["true", "false", "null"].find((word) => word.startsWith(first));
    return literal ? this.#literal(literal) : this.#unexpected("looking for beginning of value");
  }

  #literal(word: string): string | undefined {
    for (const [index, expected] of [...word].entries()) {
      if (this.#at >= this.#text.length) return ended;
      if (index > 0 && this.#text[this.#at] !== expected) {
        return this.#unexpected(`in literal ${word} (expecting '${expected}')`);
      }
      this.#at++;
    }
    return undefined;
  }

  #string(): string | undefined {
    this.#at++;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === '"') {
        this.#at++;
        return undefined;
      }
      if (character < " ") return this.#unexpected("in string literal");
      if (character === "\\") {
        this.#at++;
        const escaped = this.#text[this.#at];
        if (escaped === undefined) return ended;
        if (!'"\\/bfnrtu'.includes(escaped)) return this.#unexpected("in string escape code");
        if (escaped === "u") {
          for (let digit = 0; digit < 4; digit++) {
            this.#at++;
            if (this.#at >= this.#text.length) return ended;
            if (!/[0-9a-fA-F]/.test(this.#text.charAt(this.#at))) {
              return this.#unexpected("in \\u hexadecimal character escape");
            }
          }
        }
      }
      this.#at++;
    }
    return ended;
  }

  #number(): string | undefined {
    if (this.#text[this.#at] === "-") this.#at++;
    if (this.#text[this.#at] === "0") this.#at++;
    else {
      const fault = this.#digits("in numeric literal");
      if (fault !== undefined) return fault;
    }
    if (this.#text[this.#at] === ".") {
      this.#at++;
      const fault = this.#digits("after decimal point in numeric literal");
      if (fault !== undefined) return fault;
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at++;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      return this.#digits("in exponent of numeric literal");
    }
    return undefined;
  }

  #digits(where: string): string | undefined {
    const start = this.#at;
    while (/[0-9]/.test(this.#text.charAt(this.#at))) this.#at++;
    if (this.#at > start) return undefined;
    return this.#at >= this.#text.length ? ended : this.#unexpected(where);
  }

  #members(): string | undefined {
    this.#at++;
    this.#skip();
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return undefined;
    }
    for (;;) {
      this.#skip();
      if (this.#at >= this.#text.length) return ended;
      if (this.#text[this.#at] !== '"') return this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      if (key !== undefined) return key;
      this.#skip();
      if (this.#at >= this.#text.length) return ended;
      if (this.#text[this.#at] !== ":") return this.#unexpected("after object key");
      this.#at++;
      const value = this.#value();
      if (value !== undefined) return value;
      this.#skip();
      if (this.#at >= this.#text.length) return ended;
      if (this.#text[this.#at] === "}") {
        this.#at++;
        return undefined;
      }
      if (this.#text[this.#at] !== ",") return this.#unexpected("after object key:value pair");
      this.#at++;
    }
  }

  #elements(): string | undefined {
    this.#at++;
    this.#skip();
    if (this.#text[this.#at] === "]") {
      this.#at++;
      return undefined;
    }
    for (;;) {
      const value = this.#value();
      if (value !== undefined) return value;
      this.#skip();
      if (this.#at >= this.#text.length) return ended;
      if (this.#text[this.#at] === "]") {
        this.#at++;
        return undefined;
      }
      if (this.#text[this.#at] !== ",") return this.#unexpected("after array element");
      this.#at++;
    }
  }
}
