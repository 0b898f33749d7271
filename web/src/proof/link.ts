/** An address that carries a receipt behind its `#`, where no browser sends it to any server. */
import { type Bytes, FILE_BYTES_MAX, fromBase64url, joined, ReceiptError, toBase64url } from "./bytes.ts";

/** Browsers and messengers cut longer addresses; such a receipt goes as a file. */
const LINK_MAX = 30_000;

/** The address of the public page with this receipt in it, or nothing where it would be too long. */
export async function linkTo(receipt: Bytes, run: string): Promise<string | undefined> {
  const link = `${location.origin}/r/${run}#${toBase64url(await through(receipt, new CompressionStream("deflate-raw")))}`;
  return link.length > LINK_MAX ? undefined : link;
}

/** The receipt that an address carries; a ReceiptError where it carries something else. */
export async function receiptIn(fragment: string): Promise<Bytes> {
  const squeezed = fromBase64url(fragment, "the address");
  try {
    return await through(squeezed, new DecompressionStream("deflate-raw"));
  } catch (error) {
    if (error instanceof TypeError) throw new ReceiptError("the address holds no receipt, or only a part of one");
    throw error;
  }
}

async function through(data: Bytes, stream: CompressionStream | DecompressionStream): Promise<Bytes> {
  const pieces: Bytes[] = [];
  let length = 0;
  for await (const piece of new Blob([data]).stream().pipeThrough(stream)) {
    length += piece.length;
    // A few bytes can unfold into what no machine holds.
    if (length > FILE_BYTES_MAX) throw new ReceiptError("the file is too large");
    pieces.push(piece as Bytes);
  }
  return joined(...pieces);
}
