// Shows what the control API tells, once a second. Everything goes in as text.

const NEWEST = 50

async function control(path, body) {
  const answer = await fetch(`/control/${path}`, body && { method: 'POST', body })
  const value = await answer.json()
  if (!answer.ok) throw new Error(value.error)
  return value
}

function row(cells, kind = 'td') {
  const line = document.createElement('tr')
  for (const cell of cells) {
    const place = line.appendChild(document.createElement(kind))
    place.textContent = typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : String(cell ?? '–')
  }
  return line
}

function fill(id, rows) {
  const body = document.getElementById(id)
  const newest = rows.slice(-NEWEST).reverse()
  const head = body.parentElement.tHead
  head.replaceChildren(...newest.slice(0, 1).map(first => row(Object.keys(first), 'th')))
  body.replaceChildren(...newest.map(entry => row(Object.values(entry))))
}

async function refresh() {
  const paths = ['audit', 'bindings', 'queue', 'requests', 'clock']
  const [audit, bindings, queue, requests, clock] = await Promise.all(paths.map(path => control(path)))
  const figures = Object.entries(audit).map(([name, value]) => row([name.replaceAll('_', ' '), value]))
  document.getElementById('audit').replaceChildren(...figures)
  fill('bindings', bindings)
  fill('queue', queue)
  fill('requests', requests)
  document.getElementById('now').textContent = new Date(clock.now).toISOString()
}

const said = document.getElementById('said')

async function trying(work) {
  try {
    await work()
  } catch (error) {
    said.textContent = error.message
  }
}

document.getElementById('acts').addEventListener('click', event => {
  const { path, body } = event.target.dataset
  if (!path) return
  trying(async () => {
    const answer = await control(path, body)
    said.textContent = `${path}: ${JSON.stringify(answer)}`
    await refresh()
  })
})

await trying(refresh)
setInterval(() => document.hidden || trying(refresh), 1000)
