// Takes a lock, at once or when it is told to, and keeps it until it is told to free it or is killed.
import { Held, take } from "../../dist/node/lock.js";

const [path = "", mode] = process.argv.slice(2);
/** @type {(() => Promise<void>) | undefined} */
let free;

async function taken() {
  try {
    free = await take(path);
    return "taken";
  } catch (error) {
    if (error instanceof Held) return "held";
    throw error;
  }
}

async function freed() {
  await free?.();
  free = undefined;
  return "freed";
}

process.on("message", (what) => {
  void (what === "take" ? taken() : freed()).then((answer) => process.send?.(answer));
});
process.send?.(mode === "wait" ? "ready" : await taken());
