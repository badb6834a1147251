/** The formats and compressions of readings, each with its words. */

export const FORMATS = [
  ["json", "JSON"],
  ["text", "Text (UTF-8)"],
  ["binary", "Binary: data is bytes"],
  ["cbor", "CBOR"],
  ["msgpack", "MessagePack"],
] as const;

export const COMPRESSIONS = [
  ["none", "None"],
  ["gzip", "gzip"],
  ["zlib", "zlib"],
] as const;
