/** What `b24-offline` has in Node alone: files. */

export { FileJournal } from "./node/file-journal.js";
export { OAuthFile } from "./node/oauth-file.js";
