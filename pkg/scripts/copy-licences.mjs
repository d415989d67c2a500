// A published package holds the texts of its licences.
import { copyFile } from "node:fs/promises";

for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) {
  await copyFile(new URL(`../../${name}`, import.meta.url), new URL(`../${name}`, import.meta.url));
}
