// The page of a host: it keeps one WebSocket open, shows what was negotiated for it, and
// has the host's own play.

import { show } from './facts.js'

const $ = (id) => document.getElementById(id)

const FIRST_PAUSE = 500 // milliseconds before the second attempt
const LONGEST_PAUSE = 15_000

let socket = null // the present one; what others report is ignored
let attempts = 0

function connect() {
  const url = new URL('/ws', location.href)
  url.protocol = location.protocol.replace('http', 'ws')
  state('connecting')
  const ws = socket = new WebSocket(url)
  ws.addEventListener('message', (e) => { if (ws === socket) take(JSON.parse(e.data)) })
  ws.addEventListener('close', () => { if (ws === socket) lost() })
}

function lost() {
  socket = null
  state('closed')
  const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempts++)
  setTimeout(connect, pause * (0.5 + Math.random() / 2)) // so that not all come at once
}

function state(now) {
  document.body.dataset.state = now
  $('status').textContent = now
  for (const id of ['roll', 'put']) if ($(id)) $(id).disabled = now !== 'connected'
}

function take({ kind, value }) {
  switch (kind) {
    case 'facts':
      attempts = 0
      state('connected')
      return show(value)
    case 'tick': return tick(value)
    case 'roll': return rolled(value)
    case 'kept': return kept(value)
  }
}

// The clock.

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })

function tick(ms) {
  const now = new Date(ms)
  $('hours').textContent = clock.format(now)
  $('seconds').textContent = String(now.getSeconds()).padStart(2, '0')
  $('day').textContent = date.format(now)
}

// The dice.

function rolled([count, ...pips]) {
  document.querySelectorAll('.die').forEach((die, i) => { die.dataset.pips = pips[i] })
  $('dice').setAttribute('aria-label', `${pips[0]} and ${pips[1]}`)
  $('count').textContent = `Roll ${count}: ${pips[0] + pips[1]}`
}

$('roll')?.addEventListener('click', () => socket?.send('roll'))

// The vault.

function kept(length) {
  $('kept').textContent = length ? `The vault keeps ${length} characters.` : 'The vault is empty.'
}

$('keep')?.addEventListener('submit', (e) => {
  e.preventDefault()
  socket?.send($('note').value)
})

connect()
