import { isIP } from "node:net";
import { dnsLabel, dnsSubdomain } from "../../machinery/names.ts";

const hostname =
  /^([a-zA-Z0-9\p{L}\p{N}]([-a-zA-Z0-9\p{L}\p{N}]{0,61}[a-zA-Z0-9\p{L}\p{N}])?)(\.[a-zA-Z0-9\p{L}\p{N}]([-a-zA-Z0-9\p{L}\p{N}]{0,61}[a-zA-Z0-9\p{L}\p{N}])?)*\.?$/u;
const email = /^[^\s@<>()[\],;:\\"]+@[^\s@<>()[\],;:\\"]+$/;
const mac = /^(?:[0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}$|^(?:[0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}$/;
const uuid = (version: string) =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, "i");
const strictUuid = (version: string) =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$`, "i");
const dateTime = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})?$/;
const color = /^rgb\(\s*((25[0-5]|2[0-4]\d|1?\d?\d)\s*(,\s*|\))){3}$/;
const goDuration = /^[+-]?(\d+(\.\d*)?(ns|us|µs|μs|ms|s|m|h))+$|^[+-]?0$/;
const wordDuration =
  /^(\d+)\s*(ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)$/i;

const pattern = (form: RegExp) => (text: string) => form.test(text);

function isUri(text: string): boolean {
  return URL.canParse(text) || /^\/[^\s]*$/.test(text);
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const moment = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(text);
}

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...more] = text.split("/");
  const family = isIP(address);
  return more.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

function checkDigits(text: string, valid: (digits: string) => boolean): boolean {
  return valid(text.replace(/[\s-]/g, ""));
}

const isbn10 = (digits: string) =>
  /^\d{9}[\dX]$/.test(digits) &&
  [...digits].reduce((sum, digit, at) => sum + (digit === "X" ? 10 : Number(digit)) * (10 - at), 0) % 11 === 0;
const isbn13 = (digits: string) =>
  /^\d{13}$/.test(digits) &&
  [...digits].reduce((sum, digit, at) => sum + Number(digit) * (at % 2 ? 3 : 1), 0) % 10 === 0;

function isCreditCard(digits: string): boolean {
  if (!/^\d{13,19}$/.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, at) => {
    const value = Number(digit) * (at % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/** The formats of texts that are checked; a format that is not named here says nothing. */
const formats: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: pattern(/^[0-9a-fA-F]{24}$/),
  uri: isUri,
  email: pattern(email),
  hostname: (text) => text.length <= 255 && hostname.test(text),
  ipv4: (text) => isIP(text) === 4,
  ipv6: (text) => isIP(text) === 6,
  cidr: isCidr,
  mac: pattern(mac),
  uuid: pattern(uuid("[0-9a-f]")),
  uuid3: pattern(uuid("3")),
  uuid4: pattern(strictUuid("4")),
  uuid5: pattern(strictUuid("5")),
  isbn: (text) => checkDigits(text, (digits) => isbn10(digits) || isbn13(digits)),
  isbn10: (text) => checkDigits(text, isbn10),
  isbn13: (text) => checkDigits(text, isbn13),
  creditcard: (text) => checkDigits(text, isCreditCard),
  ssn: pattern(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  hexcolor: pattern(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: pattern(color),
  byte: pattern(base64),
  password: () => true,
  date: isDate,
  duration: (text) => goDuration.test(text) || wordDuration.test(text.trim()),
  "date-time": (text) => dateTime.test(text) && !Number.isNaN(Date.parse(text)),
  datetime: (text) => dateTime.test(text) && !Number.isNaN(Date.parse(text)),
  "k8s-short-name": (text) => dnsLabel(text).length === 0,
  "k8s-long-name": (text) => dnsSubdomain(text).length === 0,
};

/** Whether a text has a format; formats that are not known fit every text. */
export function hasFormat(text: string, format: string): boolean {
  return !Object.hasOwn(formats, format) || (formats[format]?.(text) ?? true);
}
