// The generated glue, its types and the wasm go beside the compiled TypeScript as they are.
import { cp } from "node:fs/promises";

const from = new URL("../src/wasm/", import.meta.url);
await cp(from, new URL("../dist/wasm/", import.meta.url), { recursive: true });
