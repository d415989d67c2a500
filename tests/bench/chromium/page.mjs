// What the page does: drains the portal with its journal in IndexedDB.

import { AuthError, IndexedDbJournal, Queue, done, each, init } from "b24-offline";

async function drain({ baseUrl, token, connector, events, limits }) {
  await init();
  const lines = [];
  const queue = await Queue.open({
    auth: {
      baseUrl,
      token: () => Promise.resolve(token),
      refresh: () => Promise.reject(new AuthError("sign_in_again", "no measurement lives for an hour")),
    },
    events,
    connector,
    journal: await IndexedDbJournal.open("bench"),
    untilEmpty: true,
    configure: (config) => Object.assign(config, { limits }),
  });
  const end = await queue.run(
    each(({ object, state, data }) => {
      const { VERSION } = JSON.parse(data ?? "{}");
      lines.push(JSON.stringify({ object: { kind: object.kind, id: object.id }, state, data: { VERSION } }));
      return done;
    }),
  );
  return { end, lines: `${lines.join("\n")}\n` };
}

globalThis.drain = drain;
