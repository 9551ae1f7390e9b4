/**
 * Tar archives as other rooms read and write them.
 *
 * @module
 */

export { type TarEntry, type TarHandler, type TarReader, tarReader } from "./tar_reader.ts";
export { TAR_END, tarHeader, type TarMember, tarPadding } from "./tar_writer.ts";
