// The page of the game: it keeps one WebSocket open, tells the server what the pilot
// wants, and shows what the server says.

import { draw } from './draw.js'
import { Socket } from './icsws.js'
import { hello, input, take } from './wire.js'

const $ = (id) => document.getElementById(id)
const canvas = $('arena')

const SCENE = 2400 // side of what is seen behind the door
const BEAT = 100 // milliseconds between two inputs when nothing changes, for the latency
const AGAIN = { minWait: 500, maxWait: 8000, jitter: 0.5 } // milliseconds

let socket = null // once there is a name
let me = null // { slot, side, ticks } once the server has said hello
let wanted = '' // the name, again after each loss

const bodies = new Map() // by slot
const leaders = []
let arrived = 0 // when the last message came

// Connecting, and doing so again.

function connect() {
  socket = new Socket(() => `/play?${new URLSearchParams({ name: wanted })}`, AGAIN)
  socket.onmessage = (e) => heard(e.data)
  socket.onclose = socket.onerror = lost
}

function lost({ reason, final }) {
  me = null
  tell(`${(reason || 'Not connected').replace(/\.?$/, '.')} ${final ? 'Reload to play again.' : 'Trying again.'}`)
}

// tell says it where one looks, and once, as it is read aloud.
function tell(text) {
  const line = $(document.body.dataset.view === 'door' ? 'note' : 'status')
  if (line.textContent !== text) line.textContent = text
}

function heard(data) {
  if (!me) {
    me = hello(data)
    bodies.clear()
    leaders.length = 0
    document.body.dataset.view = 'arena'
    tell('')
    canvas.focus()
    return
  }
  const head = take(data, bodies, leaders)
  arrived = performance.now()
  count(data.byteLength)
  answered(head.ack)
  $('work').textContent = `${head.work.toFixed(2)} ms`
  $('ships').textContent = head.ships
  $('bots').textContent = head.bots
  $('score').textContent = bodies.get(me.slot)?.score ?? '–'
  if (head.tick % me.ticks === 0) rank()
}

function rank() {
  $('leaders').replaceChildren(...leaders.map(({ name, score }) => {
    const line = document.createElement('li')
    const part = (text) => Object.assign(document.createElement('span'), { textContent: text })
    line.append(part(name), ' ', part(score))
    line.className = name === wanted ? 'own' : ''
    return line
  }))
}

// What the pilot wants.

const keys = new Map([
  ['ArrowRight', [1, 0]], ['KeyD', [1, 0]], ['ArrowLeft', [-1, 0]], ['KeyA', [-1, 0]],
  ['ArrowDown', [0, 1]], ['KeyS', [0, 1]], ['ArrowUp', [0, -1]], ['KeyW', [0, -1]],
])
const held = new Set()
let pointer = null // where it is held, from the middle
let sent = { heading: 0, power: 0, at: 0 }
let number = 0
const waiting = new Map() // when an input was sent, by number

function wish() {
  let [x, y] = [0, 0]
  for (const key of held) {
    x += keys.get(key)[0]
    y += keys.get(key)[1]
  }
  if (x || y) return { heading: Math.atan2(y, x), power: 1 }
  if (!pointer) return { heading: sent.heading, power: 0 }
  return { heading: Math.atan2(pointer.y, pointer.x), power: Math.min(1, Math.hypot(pointer.x, pointer.y) / 120) }
}

function steer() {
  if (!me) return
  const { heading, power } = wish()
  const now = performance.now()
  if (heading === sent.heading && power === sent.power && now - sent.at < BEAT) return
  if (now - sent.at < 1000 / me.ticks) return // more than one for a tick is of no use
  number = number + 1 & 0xffff
  waiting.set(number, now)
  sent = { heading, power, at: now }
  if (power) $('hint').dataset.done = ''
  socket.send(input(heading, power, number))
}

addEventListener('keydown', (e) => {
  if (!keys.has(e.code) || !me || e.ctrlKey || e.metaKey || e.altKey) return
  e.preventDefault()
  held.add(e.code)
})
addEventListener('keyup', (e) => held.delete(e.code))
addEventListener('blur', () => held.clear())

function point(e) {
  pointer = { x: e.clientX - canvas.clientWidth / 2, y: e.clientY - canvas.clientHeight / 2 }
}
canvas.addEventListener('pointerdown', (e) => {
  canvas.setPointerCapture(e.pointerId)
  point(e)
})
canvas.addEventListener('pointermove', (e) => { if (pointer) point(e) })
for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => { pointer = null })

// Figures.

let latency = 0
let shown = 0

// answered notes how long it took until the server has counted an input in.
function answered(ack) {
  const at = waiting.get(ack)
  if (at === undefined) return
  for (const n of waiting.keys()) { // in the order of sending
    waiting.delete(n)
    if (n === ack) break
  }
  const took = arrived - at
  latency = latency ? latency + (took - latency) / 8 : took
  if (arrived - shown < 250) return
  shown = arrived
  $('latency').textContent = `${latency.toFixed(0)} ms`
}

let bytes = 0
let since = performance.now()

function count(n) {
  bytes += n
  if (arrived - since < 1000) return
  $('data').textContent = `${(bytes / (arrived - since)).toFixed(1)} kB/s`
  bytes = 0
  since = arrived
}

// The picture: in between the last two messages, so that it moves evenly.

function show() {
  steer()
  if (me) draw(bodies, me.slot, me.side, Math.min(1, (performance.now() - arrived) * me.ticks / 1000))
  else if (document.body.dataset.view === 'door') draw(scene(), -1, SCENE, 1)
  requestAnimationFrame(show)
}

// scene is what is seen behind the door: nobody's ships, and sparks. They stand still
// where the reader wants no motion.
const still = matchMedia('(prefers-reduced-motion: reduce)')
const decoration = new Map(Array.from({ length: 190 }, (_, slot) => [slot, {
  slot, kind: slot < 18 ? 2 + slot * 14 : 1, score: 0, name: '', heading: slot,
  x: Math.random() * SCENE, y: Math.random() * SCENE, fromX: 0, fromY: 0,
}]))
for (const b of decoration.values()) [b.fromX, b.fromY] = [b.x, b.y]

function scene() {
  if (still.matches) return decoration
  for (const b of decoration.values()) {
    if (b.kind === 1) continue
    b.heading += Math.sin(performance.now() / 1700 + b.slot * 7) * 0.012
    b.x = b.fromX = (b.x + Math.cos(b.heading) * 1.3 + SCENE) % SCENE
    b.y = b.fromY = (b.y + Math.sin(b.heading) * 1.3 + SCENE) % SCENE
  }
  return decoration
}

// The door.

$('entry').addEventListener('submit', (e) => {
  e.preventDefault()
  const name = $('name').value.trim().replace(/\s+/g, ' ')
  const good = name !== '' && new TextEncoder().encode(name).length <= 16
  $('name').setAttribute('aria-invalid', String(!good))
  if (!good) {
    tell(name ? 'A name has up to 16 bytes: 16 plain letters, 8 of many others.' : 'Please enter a name.')
    return $('name').focus()
  }
  wanted = name
  tell('Connecting.')
  if (!socket) connect()
  else if (!socket.start()) socket.retryNow()
})

$('name').focus()
requestAnimationFrame(show)
