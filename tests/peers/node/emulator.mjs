// What the tests share: the emulator's control API, over plain HTTP, and an SDK object that is signed in.

import { B24OAuth } from '@bitrix24/b24jssdk'

/** Host and port of the portal without TLS. */
export const HTTP = process.env.B24_HTTP

/** Host and port of the portal with TLS; NODE_EXTRA_CA_CERTS names its certificate. */
export const HTTPS = process.env.B24_HTTPS

export const EVENT = 'ONCRMDEALUPDATE'

/** Calls `/control/<path>`: GET without a body, else POST. */
export async function control(path, body) {
  const options = body && {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body)
  }
  const answer = await fetch(`http://${HTTP}/control/${path}`, options || undefined)
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

/** The records of one queue as the portal's table holds them. */
export async function rows(connector) {
  return (await control('queue')).filter(row => row.CONNECTOR === connector)
}

/** New deals, each changed once by a person. Answers their ids as text. */
export async function changedDeals(count) {
  const { ids } = await control('objects/create', { kind: 'crm.deal', count })
  await control('objects/change', { kind: 'crm.deal', ids, fields: { TITLE: 'by a person' } })
  return ids
}

/** The SDK signed in as an application, for the portal at `origin`. */
export async function signedIn(origin) {
  const auth = await control('token', {})
  const endpoint = `${origin}/rest/`
  const b24 = new B24OAuth(
    {
      applicationToken: 'unused',
      userId: 1,
      memberId: 'unused',
      accessToken: auth.access_token,
      refreshToken: auth.refresh_token,
      expires: auth.expires_at,
      expiresIn: 3600,
      scope: 'crm',
      domain: new URL(origin).host,
      clientEndpoint: endpoint,
      serverEndpoint: endpoint,
      status: 'L',
      issuer: 'store'
    },
    { clientId: auth.client_id, clientSecret: auth.client_secret }
  )
  b24.offClientSideWarning()
  return b24
}

export const idsIn = events => events.map(event => event.EVENT_DATA.FIELDS.ID)
