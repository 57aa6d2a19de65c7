/** Written without Node's own modules: the live page saves archives too. */
export const endSignature = 0x06054b50;
export const centralSignature = 0x02014b50;
export const localSignature = 0x04034b50;
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** A zip archive of stored (uncompressed) members. */
export function zipStored(entries: readonly (readonly [entry: string, content: Uint8Array])[]): Uint8Array {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [entry, content] of entries) {
    const name = new TextEncoder().encode(entry);
    // From "version needed" to "extra length", common to the local and the central header. 0x21 is 1 January 1980.
    const common = new DataView(new ArrayBuffer(26));
    common.setUint16(0, 20, true);
    common.setUint16(8, 0x21, true);
    common.setUint32(10, crc32(content), true);
    common.setUint32(14, content.length, true);
    common.setUint32(18, content.length, true);
    common.setUint16(22, name.length, true);

    files.push(u32(localSignature), new Uint8Array(common.buffer), name, content);
    const placement = new DataView(new ArrayBuffer(14));
    placement.setUint32(10, offset, true);
    directory.push(
      u32(centralSignature),
      u16(20),
      new Uint8Array(common.buffer),
      new Uint8Array(placement.buffer),
      name,
    );
    offset += 30 + name.length + content.length;
  }
  const directoryBytes = concat(directory);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, endSignature, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, directoryBytes.length, true);
  end.setUint32(16, offset, true);
  return concat([...files, directoryBytes, new Uint8Array(end.buffer)]);
}

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}
