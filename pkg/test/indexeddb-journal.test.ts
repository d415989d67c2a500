/** The journal in a database of the browser's, as far as Node can try it. */

import "fake-indexeddb/auto";
import { afterEach, expect, test, vi } from "vitest";
import { IndexedDbJournal, JournalError, JournalInUse } from "b24-offline";

afterEach(() => {
  vi.unstubAllGlobals();
});

test("what is saved is found by the next one", async () => {
  const journal = await IndexedDbJournal.open("kept");
  expect(journal.contents()).toEqual({ entries: [], condition: "intact" });
  await journal.save({
    id: 1,
    puts: [
      { key: "a", value: "1" },
      { key: "b", value: "2" },
    ],
    deletes: [],
  });
  await journal.save({ id: 2, puts: [{ key: "b", value: "3" }], deletes: ["a", "b", "not there"] });
  await journal.close();
  const next = await IndexedDbJournal.open("kept");
  expect(next.contents().entries).toEqual([{ key: "b", value: "3" }]);
  await next.close();
});

test("saves keep their order, each is one strict transaction, and close waits for them", async () => {
  const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
  const journal = await IndexedDbJournal.open("ordered");
  transaction.mockClear();
  for (let number = 1; number <= 20; number += 1) {
    void journal.save({ id: number, puts: [{ key: "last", value: String(number) }], deletes: [] });
  }
  await journal.close();
  expect(transaction).toHaveBeenCalledTimes(20);
  expect(transaction).toHaveBeenCalledWith("entries", "readwrite", { durability: "strict" });
  const next = await IndexedDbJournal.open("ordered");
  expect(next.contents().entries).toEqual([{ key: "last", value: "20" }]);
  await next.close();
});

test("a save that fails changes nothing and rejects", async () => {
  const journal = await IndexedDbJournal.open("failing");
  await journal.save({ id: 1, puts: [{ key: "a", value: "1" }], deletes: [] });
  const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(function (this: IDBObjectStore) {
    const request = this.get("a");
    this.transaction.abort();
    return request;
  });
  const saving = journal.save({ id: 2, puts: [{ key: "b", value: "2" }], deletes: ["a"] });
  await expect(saving).rejects.toThrow();
  put.mockRestore();
  await journal.close();
  const next = await IndexedDbJournal.open("failing");
  expect(next.contents().entries).toEqual([{ key: "a", value: "1" }]);
  await next.close();
});

/** Web Locks as a browser has them, as far as they are used. */
function locks() {
  const held = new Set<string>();
  return {
    async request(name: string, _: LockOptions, callback: (lock: Lock | null) => unknown): Promise<void> {
      if (held.has(name)) return void callback(null);
      held.add(name);
      await callback({ name, mode: "exclusive" });
      held.delete(name);
    },
  };
}

test("a second tab is refused until the first has closed", async () => {
  vi.stubGlobal("navigator", { locks: locks() });
  const journal = await IndexedDbJournal.open("shared");
  await expect(IndexedDbJournal.open("shared")).rejects.toThrow(JournalInUse);
  await expect(IndexedDbJournal.open("shared")).rejects.toThrow(
    "the journal shared is in use by another tab; close that one, or name another journal",
  );
  await (await IndexedDbJournal.open("other")).close();
  await journal.close();
  await (await IndexedDbJournal.open("shared")).close();
});

test("a site that may store nothing is told so, and the lock is free again", async () => {
  vi.stubGlobal("navigator", { locks: locks() });
  const open = vi.spyOn(IDBFactory.prototype, "open").mockImplementationOnce(() => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  });
  const refused = IndexedDbJournal.open("insecure");
  await expect(refused).rejects.toThrow(JournalError);
  await expect(refused).rejects.toThrow("can't be opened (The operation is insecure.); let this site store data");
  open.mockRestore();
  await (await IndexedDbJournal.open("insecure")).close();
});
