// A link that holds the reader's edits: {cell: source} as JSON, deflated, in base64url.
// It stands behind the #, so no server ever sees it; and it is only text until someone presses Run.
const MARK = "#edits=";
// A short link may unpack to gigabytes; nobody types more than this.
const LIMIT = 1_000_000;

export const canShare = () => typeof CompressionStream === "function";
export const holdsEdits = (hash) => hash.startsWith(MARK);

export async function pack(edits) {
  const bytes = new TextEncoder().encode(JSON.stringify(edits));
  const packed = await through(bytes, new CompressionStream("deflate-raw"));
  const letters = Array.from(packed, (byte) => String.fromCharCode(byte)).join("");
  return MARK + btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Throws whatever is wrong with the link.
export async function unpack(hash) {
  const letters = atob(hash.slice(MARK.length).replaceAll("-", "+").replaceAll("_", "/"));
  const packed = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const bytes = await through(packed, new DecompressionStream("deflate-raw"));
  const edits = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  const plain = edits !== null && typeof edits === "object" && !Array.isArray(edits);
  if (!plain || !Object.values(edits).every((source) => typeof source === "string")) throw new TypeError("not edits");
  return new Map(Object.entries(edits));
}

async function through(bytes, stream) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const pieces = [];
  for (let size = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(pieces).arrayBuffer());
    pieces.push(value);
    size += value.length;
    if (size > LIMIT) {
      await reader.cancel();
      throw new RangeError("too long");
    }
  }
}
