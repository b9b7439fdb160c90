// The log of the chat: what was said and who came and went, in order.

const MAX_LINES = 500 // that stay in the page
const TOGETHER = 5 * 60_000 // milliseconds in which messages of one person stand together
const NEAR = 48 // pixels that a reader may be away from the end and still be there

const log = document.getElementById('log')
const pane = document.getElementById('scroll')
const newer = document.getElementById('newer')

const clock = new Intl.DateTimeFormat([], { hour: 'numeric', minute: '2-digit' })
const calendar = new Intl.DateTimeFormat([], { weekday: 'long', day: 'numeric', month: 'long' })

const seen = new Set() // keys of the messages in the log
let newest = null // the last of them
let following = true // the reader is at the end

// hear adds a message; false when it is there already, as after a reconnect, when
// the past comes again.
export function hear({ who, body, at: time }, mine) {
  const key = `${time} ${who} ${body}`
  if (seen.has(key)) return false
  seen.add(key)
  const at = new Date(time)
  if (newest?.at.toDateString() !== at.toDateString()) note('day', calendar.format(at))
  const more = newest?.row === log.lastChild && newest.who === who && at - newest.at < TOGETHER
  const row = message(who, body, at)
  row.classList.toggle('mine', mine)
  row.classList.toggle('more', more)
  row.dataset.key = key
  append(row)
  newest = { row, at, who }
  return true
}

// note adds a line that nobody said.
export function note(kind, text) {
  append(element('p', kind, text))
}

// past tells that old messages come, which are not to be read aloud.
export function past(begins) {
  log.setAttribute('aria-busy', String(begins))
}

// toEnd leads the reader to what is new.
export function toEnd() {
  pane.scrollTo({ top: pane.scrollHeight, behavior: 'instant' })
  newer.hidden = true
  following = true
}

function message(who, body, at) {
  const row = element('div', 'msg')
  const name = element('span', 'who', who)
  const text = element('div', 'body', body)
  const time = element('time', '', clock.format(at))
  name.dir = text.dir = 'auto'
  time.dateTime = at.toISOString()
  time.title = at.toLocaleString()
  row.append(name, ' ', text, ' ', time)
  return row
}

// element shows text as it is: nothing in it is markup.
function element(kind, className, text = '') {
  const e = document.createElement(kind)
  if (className) e.className = className
  e.textContent = text
  return e
}

// append scrolls along with a reader who is at the end, and moves no other.
function append(row) {
  if (log.getAttribute('aria-busy') !== 'true') row.classList.add('fresh')
  log.append(row)
  while (log.childElementCount > MAX_LINES) {
    seen.delete(log.firstChild.dataset.key)
    log.firstChild.remove()
  }
  if (following) toEnd()
  else newer.hidden = false
}

pane.addEventListener('scroll', () => {
  following = pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR
  if (following) newer.hidden = true
}, { passive: true })

newer.addEventListener('click', toEnd)

// A phone's keyboard takes room away at the bottom, where the last line is.
new ResizeObserver(() => { if (following && document.body.dataset.view === 'room') toEnd() }).observe(pane)
