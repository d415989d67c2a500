/** What the package has in browsers and in Node. */

export type { AuthSource } from "./auth.js";
export { type Clock, systemClock } from "./clock.js";
export { Endpoint, type EndpointOptions } from "./endpoint.js";
export * from "./errors.js";
export { type BatchHandler, type Delivery, type Handler, done, each, reject, retry } from "./handler.js";
export type { HttpSettings } from "./http.js";
export { IndexedDbJournal } from "./indexeddb-journal.js";
export type { Journal } from "./journal.js";
export { Machine } from "./machine.js";
export { MemoryJournal } from "./memory-journal.js";
export { Queue, type QueueOptions } from "./queue.js";
export { type HandlerFailed, type Report } from "./report.js";
export * from "./say.js";
export { HttpTransport, type Transport } from "./transport.js";
export type * from "./types.js";
export type { WasmSource } from "./boundary.js";
