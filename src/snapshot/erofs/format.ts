/**
 * The on-disk format of EROFS: numbers, and the names of attributes.
 *
 * @see https://erofs.docs.kernel.org/en/latest/core_ondisk.html
 * @module
 */

/** Blocks are as large as a tar's, so every member's data begins with one. */
export const BLOCK_BITS = 9;
export const BLOCK = 1 << BLOCK_BITS;

export const SUPERBLOCK = { offset: 1024, size: 128, magic: 0xe0f5e1e2 } as const;
export const DEVICE_SLOT = 128;

/** Inode numbers count these, from the first block of metadata. */
export const INODE_UNIT = 32;
export const INODE_SIZE = 64;

/** No checksum of the superblock: fsck.erofs 1.8 reads behind blocks of 512 bytes to verify one. */
export const COMPAT = { MTIME: 2 } as const;
export const INCOMPAT = { CHUNKED_FILE: 4, DEVICE_TABLE: 8 } as const;

/** How an inode's data is found. */
export const LAYOUT = { FLAT_PLAIN: 0, FLAT_INLINE: 2, CHUNK_BASED: 4 } as const;
/** In a chunk-based inode: 8-byte indexes with a device, not 4-byte addresses. */
export const CHUNK_INDEXES = 0x20;
export const MAX_CHUNK_BITS = 31;
export const CHUNK_INDEX = 8;

export const DIRENT = 12;
export const NAME_MAX = 255;

/** Name index of an attribute, and what of its name is stored. */
export function splitXattrName(name: string): [index: number, rest: string] | undefined {
  if (name === "system.posix_acl_access") return [2, ""];
  if (name === "system.posix_acl_default") return [3, ""];
  if (name.startsWith("user.")) return [1, name.slice(5)];
  if (name.startsWith("trusted.")) return [4, name.slice(8)];
  if (name.startsWith("security.")) return [6, name.slice(9)];
  return undefined;
}
