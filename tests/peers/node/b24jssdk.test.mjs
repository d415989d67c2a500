// @bitrix24/b24jssdk against the emulator, over plain HTTP and over TLS.
//
// Its batch helper posts nothing but `halt` and `cmd`; where a batch needs the connector, the call named `batch` is
// made raw.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { B24Hook } from '@bitrix24/b24jssdk'

import { EVENT, HTTP, HTTPS, changedDeals, control, idsIn, rows, signedIn } from './emulator.mjs'

for (const origin of [`http://${HTTP}`, `https://${HTTPS}`]) {
  describe(new URL(origin).protocol, () => tests(origin))
}

test('a webhook is refused', async () => {
  // B24Hook knows no other scheme than https
  const { url } = await control('webhooks', {})
  const secret = url.split('/').at(-2)
  const hook = new B24Hook({ b24Url: `https://${HTTPS}`, userId: 1, secret })
  hook.offClientSideWarning()
  const calling = hook.actions.v2.call.make({ method: 'event.offline.get', params: {} })
  await assert.rejects(calling, error => error.status === 403)
})

function tests(origin) {
  let queues = 0

  /** The SDK with a queue of its own. */
  async function bound() {
    const b24 = await signedIn(origin)
    const connector = `js.${new URL(origin).protocol}${++queues}`
    const call = async (method, params = {}) => {
      const answer = await b24.actions.v2.call.make({
        method,
        params: { ...params, auth_connector: connector }
      })
      assert.ok(answer.isSuccess, answer.getErrorMessages().join('; '))
      return answer.getData().result
    }
    assert.equal(await call('event.bind', { event: EVENT, event_type: 'offline' }), true)
    return { b24, connector, call }
  }

  test('binding shows, and binding twice is an error', async () => {
    const { call, connector } = await bound()
    const held = (await call('event.get')).find(row => row.connector_id === connector)
    assert.deepEqual(held, { event: EVENT, connector_id: connector, offline: 1 })
    await assert.rejects(call('event.bind', { event: EVENT, event_type: 'offline' }), error => {
      assert.equal(error.code, 'ERROR_CORE')
      assert.equal(error.status, 400)
      return true
    })
  })

  test('get without reservation takes the records away', async () => {
    const { call, connector } = await bound()
    const ids = await changedDeals(3)
    const taken = await call('event.offline.get')
    assert.deepEqual(idsIn(taken.events).sort(), ids.sort())
    assert.equal(taken.process_id, null)
    assert.deepEqual(await rows(connector), [])
  })

  test('get with reservation hides the records until they are cleared', async () => {
    const { call, connector } = await bound()
    await changedDeals(3)
    const taken = await call('event.offline.get', { clear: 0 })
    assert.equal(taken.events.length, 3)
    assert.equal(taken.process_id.length, 32)
    assert.deepEqual((await call('event.offline.get', { clear: 0 })).events, [])
    const id = taken.events.map(event => event.ID)
    const { process_id } = taken
    assert.equal(await call('event.offline.clear', { process_id, id: id.slice(0, 2) }), true)
    assert.deepEqual((await rows(connector)).map(row => String(row.ID)), id.slice(2))
  })

  test('list comes whole by the key', async () => {
    const { b24, call, connector } = await bound()
    await changedDeals(60)
    await call('event.offline.get', { clear: 0, limit: 55 })
    const listed = await b24.actions.v2.callList.make({
      method: 'event.offline.list',
      params: { filter: { '>PROCESS_ID': '' }, auth_connector: connector },
      idKey: 'ID'
    })
    assert.ok(listed.isSuccess)
    assert.equal(listed.getData().length, 55)
    const page = await b24.actions.v2.call.make({
      method: 'event.offline.list',
      params: { auth_connector: connector }
    })
    assert.equal(page.getTotal(), 60)
    assert.ok(page.isMore())
  })

  test('a batch judges each call alone', async () => {
    const { b24, call } = await bound()
    const [deal] = await changedDeals(1)
    const answer = await b24.actions.v2.batch.make({
      calls: {
        there: { method: 'crm.deal.get', params: { id: deal } },
        missing: { method: 'crm.deal.get', params: { id: 999999 } },
        many: { method: 'crm.deal.list', params: { filter: { '@ID': [deal] }, select: ['ID'] } }
      },
      options: { isHaltOnError: false, returnAjaxResult: true }
    })
    const { there, missing, many } = answer.getData()
    assert.equal(there.getData().result.TITLE, 'by a person')
    assert.deepEqual(many.getData().result, [{ ID: deal }])
    assert.equal(many.getTotal(), 1)
    // the old CRM methods answer a missing object with an empty code (F33), which the SDK takes for success:
    // only the absent result tells
    assert.ok(missing.isSuccess && answer.isSuccess)
    assert.equal(missing.getData().result, undefined)
    const raw = await call('batch', { halt: 0, cmd: { missing: 'crm.deal.get?id=999999' } })
    assert.equal(raw.result_error.missing.error, '')
  })

  test('a raw batch carries the connector outside', async () => {
    const { call, connector } = await bound()
    const [deal] = await changedDeals(1)
    const taken = await call('event.offline.get', { clear: 0 })
    const answer = await call('batch', {
      halt: 0,
      cmd: {
        write: `crm.deal.update?id=${deal}&fields[TITLE]=${encodeURIComponent('by & the = app')}`,
        settle: `event.offline.clear?process_id=${taken.process_id}&id[]=${taken.events[0].ID}`,
        read: `crm.deal.get?id=${deal}`
      }
    })
    assert.equal(answer.result.write, true)
    assert.equal(answer.result.settle, true)
    assert.equal(answer.result.read.TITLE, 'by & the = app')
    assert.deepEqual(answer.result_error, [])
    assert.deepEqual(await rows(connector), [])
  })

  test('the batch helper carries no connector, so the change comes back', async () => {
    const { b24, call, connector } = await bound()
    const [deal] = await changedDeals(1)
    await call('event.offline.get')
    await b24.actions.v2.batch.make({
      calls: [['crm.deal.update', { id: deal, fields: { TITLE: 'x' }, auth_connector: connector }]]
    })
    assert.equal((await rows(connector)).length, 1)
  })

  test('an expired token is refreshed once and the call repeated', async () => {
    const { b24, call } = await bound()
    const before = b24.auth.getAuthData()
    await control('token/expire', {})
    assert.ok(Array.isArray(await call('event.get')))
    const after = b24.auth.getAuthData()
    assert.notEqual(after.access_token, before.access_token)
    assert.notEqual(after.refresh_token, before.refresh_token)
  })
}
