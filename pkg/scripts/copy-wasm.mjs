// The generated glue, its types and the wasm go beside the compiled TypeScript; the glue without what only people need.
import { cp, readFile, writeFile } from "node:fs/promises";
import { minifySync } from "vite";

const from = new URL("../src/wasm/", import.meta.url);
const to = new URL("../dist/wasm/", import.meta.url);
await cp(from, to, { recursive: true });
const glue = new URL("b24_offline_wasm.js", to);
const { code, errors } = minifySync(glue.pathname, await readFile(glue, "utf8"), { module: true });
if (errors.length > 0) throw new Error(`the glue can't be made smaller: ${errors[0]?.message}`);
await writeFile(glue, code);
