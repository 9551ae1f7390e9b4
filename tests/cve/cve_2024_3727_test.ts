import { hostileArchive } from "../fixtures/hostile_layers.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";

// containers/image: digests in documents were used in paths and URLs without a look at what they are.
// https://github.com/advisories/GHSA-6wvf-f2vw-3425

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const bad = (victim: string): readonly string[] => [
  `sha256:../../../../../..${victim}`,
  `../../../../../..:${victim}`,
  `sha256:${"a".repeat(63)}/`,
  `md5:${"a".repeat(32)}`,
  "",
];

for (const index of bad("").keys()) {
  hostileArchive(`CVE-2024-3727: digest ${index} of an index is refused`, (victim) => {
    const target = { mediaType: MANIFEST, digest: bad(victim)[index], size: 9 };
    return layoutArchive(new ImageBuilder(), target, "x");
  }, { refused: ["data_loss", "invalid_argument", "not_found"] });

  for (const part of ["config", "layers"]) {
    hostileArchive(`CVE-2024-3727: digest ${index} of ${part} is refused`, (victim) => {
      const images = new ImageBuilder();
      const { digest } = images.image([{ f: "1" }]);
      const manifest = JSON.parse(new TextDecoder().decode(images.blobs.get(digest)!));
      const wrong = { ...manifest.config, digest: bad(victim)[index] };
      const changed = { ...manifest, [part]: part === "layers" ? [wrong] : wrong };
      return layoutArchive(images, images.put(MANIFEST, changed), "x");
    }, { refused: ["data_loss", "invalid_argument", "not_found"] });
  }
}
