import { hostileArchive } from "../fixtures/hostile_layers.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { tar } from "../fixtures/raw_tar.ts";

// containerd: the documents of an archive that is imported were read whole, however large.
// https://github.com/containerd/containerd/security/advisories/GHSA-259w-8hf6-59c2

const large = new Uint8Array(9 << 20).fill(0x20);

for (const path of ["index.json", "manifest.json", "oci-layout", "repositories"]) {
  hostileArchive(
    `CVE-2023-25153: a ${path} of 9 MB is refused`,
    () => tar({ path, data: large }),
    { refused: ["invalid_argument"], because: /has 9437184 bytes/ },
  );
}

hostileArchive("CVE-2023-25153: so is such a manifest", () => {
  const images = new ImageBuilder();
  return layoutArchive(
    images,
    images.put("application/vnd.oci.image.manifest.v1+json", large),
    "x",
  );
}, { refused: ["data_loss", "invalid_argument", "resource_exhausted"] });
