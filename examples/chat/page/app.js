// The page of the chat: it keeps one WebSocket open and says what state that is in.

import { Socket } from './icsws.js'
import { hear, note, past, toEnd } from './log.js'
import { came, gone, list, nobody } from './people.js'

const $ = (id) => document.getElementById(id)

const MAX_BODY = 1000 // characters of a message

// A place is not free again at once, so the first wait is long; at least half of each.
const AGAIN = { minWait: 500, maxWait: 15_000, jitter: 0.5, stableAfter: 10_000 } // milliseconds

// The server's rule: 1 to 20 visible characters.
const NAME = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,20}$/u

// And for rooms: 1 to 32 letters from a to z, digits and hyphens.
const ROOM = /^[a-z0-9-]{1,32}$/

const title = document.title
const { room } = document.documentElement.dataset // empty in the lobby

let socket = null // the present one
let state = $('status').textContent // the server may have said that it is busy
let wanted = '' // the name to join under, again after each loss
let me = '' // the name that the room gave
let full = '' // why there was no place
let lastSent = '' // comes back when the room refuses it
let unread = 0 // while nobody looks

// Connecting, and doing so again.

function connect() {
  stop()
  socket = new Socket(address, { ...AGAIN, onmessage: (e) => take(JSON.parse(e.data)), onclose: lost, onerror: lost })
}

// address is asked for by each attempt.
function address() {
  if (state !== 'busy') show('connecting') // busy it stays until there is a place
  return `/chat${room ? `/${room}` : ''}?${new URLSearchParams({ name: wanted })}`
}

// stop ends what is open or planned.
function stop() {
  if (!socket) return
  socket.onclose = null // the page has said all there is to say
  socket.close()
  socket = null
}

// lost tells of the end of a connection, or of an attempt. After 1008 there is no other.
function lost({ code, reason, final }) {
  const busy = code === 1013
  nobody()
  show(busy ? 'busy' : final ? 'closed' : 'connecting') // the same while it goes on trying
  const why = busy ? full || 'All places are taken.' : final ? `Closed${reason && `: ${reason}`}.` : 'Not connected.'
  full = ''
  tell(final ? why : `${why} Trying again.`, true)
}

// again is for who does not want to wait.
function again() {
  if (!socket.start()) socket.retryNow()
}

function entered(line) {
  me = line.who
  list(line.people, me)
  past(true)
  show('connected')
  tell('')
  if (document.body.dataset.view === 'room') return
  view('room')
  $('text').focus()
}

function leave() {
  stop()
  nobody()
  show('closed')
  tell('')
  view('door')
  $('name').focus()
}

// What the server says.

function take(line) {
  if (line.kind !== 'say') past(false)
  switch (line.kind) {
    case 'you': return entered(line)
    case 'banner': return void ($('banner').textContent = line.body)
    case 'say': return said(line)
    case 'join': return entrance(line)
    case 'leave': return exit(line)
    case 'refused': return refused(line)
    case 'busy': return void (full = line.body)
  }
}

function entrance({ who }) {
  came(who)
  if (who !== me) note('event', `${who} came in`)
}

function exit({ who }) {
  gone(who)
  note('event', `${who} left`)
}

function said(line) {
  const mine = line.who === me
  if (!hear(line, mine) || mine || !document.hidden) return
  document.title = `(${++unread}) ${title}`
}

function refused(line) {
  note('event refused', line.body)
  if ($('text').value) return
  $('text').value = lastSent
  typed()
}

// What the page says about itself.

function show(next) {
  state = next
  document.body.dataset.state = next
  say('status', next)
  $('send').disabled = next !== 'connected'
}

function tell(text, again = false) {
  say('why', text)
  $('again').hidden = !again
  $('note').classList.toggle('quiet', !text)
}

// say changes what is read aloud, which it is again when the same text is set again.
function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text
}

// view shows the door or the room, and the note where it is looked for.
function view(name) {
  document.body.dataset.view = name
  if (name === 'door') $('rule').after($('note'))
  else $('composer').before($('note'))
}

// What the reader does.

function join() {
  const name = $('name').value.trim().replace(/\s+/g, ' ')
  const good = NAME.test(name)
  $('name').setAttribute('aria-invalid', String(!good))
  if (!good) {
    tell(name ? 'A name has up to 20 visible characters.' : 'Please enter a name.')
    $('name').focus()
    return
  }
  remember(name)
  wanted = name
  if (state !== 'busy') tell('')
  connect()
}

// go leads to another room. What looks like a name but for its spaces is made one.
function go() {
  const name = $('place').value.trim().toLowerCase().replace(/\s+/g, '-')
  const good = ROOM.test(name)
  $('place').setAttribute('aria-invalid', String(!good))
  if (good) location.assign(`/r/${name}`)
  else $('place').focus()
}

function send() {
  const body = $('text').value.trim()
  $('text').focus()
  if (!body || state !== 'connected') return
  socket.send(body)
  lastSent = body
  $('text').value = ''
  typed()
  toEnd()
}

// typed shows what is left near the end, and lets the field grow with its text.
function typed() {
  const left = MAX_BODY - $('text').value.length
  $('left').textContent = left < 100 ? `${left} left` : ''
  if (CSS.supports('field-sizing', 'content')) return
  $('text').style.height = 'auto'
  $('text').style.height = `${$('text').scrollHeight + 2}px`
}

// remember proposes the name next time, where the browser allows to keep it.
function remember(name) {
  try { localStorage.setItem('name', name) } catch { /* then not */ }
}

function remembered() {
  try { return localStorage.getItem('name') ?? '' } catch { return '' }
}

function on(id, event, action) {
  $(id).addEventListener(event, (e) => {
    e.preventDefault()
    action()
  })
}

on('entry', 'submit', join)
on('elsewhere', 'submit', go)
on('composer', 'submit', send)
on('leave', 'click', leave)
on('again', 'click', again)
on('text', 'input', typed)
$('text').addEventListener('keydown', (e) => {
  if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return
  e.preventDefault()
  send()
})

// Waiting is over when somebody looks.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return
  unread = 0
  document.title = title
  socket?.retryNow()
})

document.body.dataset.state = state
$('name').value ||= remembered()
$('name').focus()
