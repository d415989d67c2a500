// A queue drained by @bitrix24/b24jssdk, for `cargo xtask bench`: `drain_b24jssdk.mjs <way>`. The loop and its two ways are
// those of `../python/drain.py`.

import { ParamsFactory } from '@bitrix24/b24jssdk'

import { HTTP, signedIn } from './emulator.mjs'

const CONNECTOR = 'warehouse'
const PAGE = 50
const MOST = 2500
const FAILURES = 5
// what a list is asked for, to give what a single read gives
const FIELDS = ['*', 'UF_*']

const b24 = await signedIn(`http://${HTTP}`)
// the pace is not what is measured: the portal has no bucket here
await b24.setRestrictionManagerParams({
  ...ParamsFactory.getDefault(),
  rateLimit: { burstLimit: 1_000_000, drainRate: 1_000, adaptiveEnabled: false },
  adaptiveConfig: { enabled: false }
})

/** One call as it is, with the connector. */
async function call(method, params) {
  const answer = await b24.actions.v2.call.make({
    method,
    params: { ...params, auth_connector: CONNECTOR }
  })
  if (!answer.isSuccess) throw new Error(answer.getErrorMessages().join('; '))
  return answer.getData().result
}

async function oneByOne(ids) {
  const deals = []
  for (const id of ids) deals.push(await call('crm.deal.get', { id }))
  return deals
}

async function byBatch(ids) {
  const calls = []
  for (let at = 0; at < ids.length; at += PAGE) {
    const filter = { '@ID': ids.slice(at, at + PAGE) }
    calls.push({ method: 'crm.deal.list', params: { filter, select: FIELDS, start: -1 } })
  }
  const answer = await b24.actions.v2.batch.make({ calls, options: { isHaltOnError: true } })
  if (!answer.isSuccess) throw new Error(answer.getErrorMessages().join('; '))
  return answer.getData().flat()
}

const [limit, read] = { naive: [PAGE, oneByOne], best: [MOST, byBatch] }[process.argv[2]]
let failures = 0
for (;;) {
  try {
    const { events, process_id } = await call('event.offline.get', { clear: 0, limit })
    if (events.length === 0) break
    // one object may have several records
    const ids = [...new Set(events.map(event => event.EVENT_DATA.FIELDS.ID))]
    for (const deal of await read(ids)) {
      const object = { kind: 'crm.deal', id: deal.ID }
      process.stdout.write(JSON.stringify({ object, state: 'present', data: deal }) + '\n')
    }
    await call('event.offline.clear', { process_id })
  } catch (error) {
    failures += 1
    console.error(error.message)
    if (failures === FAILURES) throw error
  }
}
