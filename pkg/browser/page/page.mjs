// What the page can do when the test asks for it.
import { AuthError, HttpTransport, IndexedDbJournal, Machine, Queue, changeLine, done, each, init } from "b24-offline";

/** @import { AuthSource, Reply } from "b24-offline" */

const EVENTS = ["ONCRMDEALADD", "ONCRMDEALUPDATE"];

/**
 * @param {string} baseUrl
 * @param {string} token
 * @returns {AuthSource}
 */
function auth(baseUrl, token) {
  return {
    baseUrl,
    token: () => Promise.resolve(token),
    refresh: () => Promise.reject(new AuthError("sign_in_again", "no test lives for an hour")),
  };
}

/**
 * Drains the portal, and tells the page's own server of each change before it is done.
 *
 * @param {string} baseUrl
 * @param {string} token
 * @returns {Promise<string[]>} how it ended, then what there was to notice
 */
export async function drain(baseUrl, token) {
  await init();
  /** @type {string[]} */
  const noticed = [];
  const queue = await Queue.open({
    auth: auth(baseUrl, token),
    events: EVENTS,
    connector: "warehouse",
    journal: await IndexedDbJournal.open("warehouse"),
    untilEmpty: true,
    configure: (config) => Object.assign(config, { limits: "off", poll: 50, sweep: 300, batch_size: { fixed: 20 } }),
    onNotice: ({ sentence }) => noticed.push(sentence),
  });
  const end = await queue.run(
    each(async (change) => {
      const told = await fetch("/told", { method: "POST", body: changeLine(change) });
      if (!told.ok) throw new Error(`the page's server answers ${told.status}`);
      return done;
    }),
  );
  return [JSON.stringify(end), ...noticed];
}

/**
 * Opens the journal as a second tab would.
 *
 * @returns {Promise<string>} the name of the error
 */
export async function openJournal() {
  try {
    await (await IndexedDbJournal.open("warehouse")).close();
    return "opened";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

/**
 * Sends a call by the page's own fetch.
 *
 * @param {string} baseUrl
 * @returns {Promise<Reply>}
 */
export async function send(baseUrl) {
  await init();
  const call = { id: 1, method: "batch", params: "{}", connector: null, timeout: 10_000 };
  return new HttpTransport(auth(baseUrl, "token")).send(call, new AbortController().signal);
}

/**
 * Replays a golden trace.
 *
 * @param {string} trace
 * @returns {Promise<{steps: number, wrong: string[]}>} how many steps, and the numbers of the lines that differ
 */
export async function replay(trace) {
  await init();
  const [config = "", journal = "", start = "", ...steps] = trace.trimEnd().split("\n");
  const { seed, now } = JSON.parse(start);
  const machine = new Machine(JSON.parse(config), JSON.parse(journal), BigInt(seed), now);
  /** @type {string[]} */
  const wrong = [];
  for (let at = 0; at + 2 < steps.length; at += 3) {
    const step = machine.handle(JSON.parse(steps[at + 1] ?? ""), Number(steps[at]));
    if (JSON.stringify(step) !== steps[at + 2]) wrong.push(`line ${at + 6}`);
  }
  machine.free();
  return { steps: steps.length / 3, wrong };
}

Object.assign(globalThis, { offered: { drain, openJournal, send, replay } });
