// What the page shows: the files of the shelf, and the transfers of this visit.

const $ = (id) => document.getElementById(id)

const date = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' })

// element shows text as it is: nothing in it is markup.
function element(kind, className, text = '') {
  const e = document.createElement(kind)
  e.className = className
  e.textContent = text
  return e
}

// bytes reads like "3.2 MiB", "3 MiB" if it is that exactly.
export function bytes(n) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024
  return `${n < 10 && !Number.isInteger(n) ? n.toFixed(1) : Math.round(n)} ${n === 1 && !unit ? 'byte' : units[unit]}`
}

// seconds reads like "1 min 20 s".
function seconds(s) {
  s = Math.ceil(s)
  return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`
}

function hash(sha256) {
  const code = element('code', 'sha256', sha256)
  code.title = 'SHA-256'
  return code
}

// shelf shows the files; get is called with the one that somebody wants.
export function shelf(files, get) {
  $('count').textContent = files.length || ''
  $('none').hidden = files.length > 0
  const focused = document.activeElement?.closest('#files li')?.dataset.name
  $('files').replaceChildren(...files.map((file) => fileRow(file, get)))
  if (focused) $('files').querySelector(`li[data-name="${CSS.escape(focused)}"] button`)?.focus()
}

function fileRow(file, get) {
  const row = element('li', 'file')
  row.dataset.name = file.name
  const name = element('span', 'name', file.name)
  name.dir = 'auto'
  const facts = element('span', 'facts', `${bytes(file.size)} · ${date.format(new Date(file.at))}`)
  const button = element('button', 'get', 'Download')
  button.type = 'button'
  button.disabled = !file.sha256
  button.setAttribute('aria-label', `Download ${file.name}`)
  button.addEventListener('click', () => get(file))
  row.append(name, facts, file.sha256 ? hash(file.sha256) : element('span', 'sha256', 'computing SHA-256 …'), button)
  return row
}

// TransferRow is one transfer as its owner sees it. kind is "upload" or "download".
export class TransferRow {
  #row
  #name
  #bar = element('progress', '')
  #state = element('span', 'facts', 'waiting')
  #cancel = element('button', 'cancel', 'Cancel')
  #pace = new Pace()

  constructor(kind, name, cancel) {
    this.#row = element('li', `transfer ${kind}`)
    this.#name = element('span', 'name', name)
    this.#name.dir = 'auto'
    this.#bar.max = 1
    this.#bar.value = 0
    this.#bar.setAttribute('aria-label', `${kind} of ${name}`)
    this.#cancel.type = 'button'
    this.#cancel.setAttribute('aria-label', `Cancel the ${kind} of ${name}`)
    this.#cancel.addEventListener('click', cancel)
    this.#row.append(this.#name, this.#cancel, this.#bar, this.#state)
    this.#set('waiting')
    this.#place()
    $('moving').hidden = false
  }

  // named shows the name that the server has chosen.
  named(name) { this.#name.textContent = name }

  progress(here, size) {
    this.#set('moving')
    this.#bar.value = size ? here / size : 1
    const left = this.#pace.left(here, size)
    this.#say(`${bytes(here)} of ${bytes(size)}` + (left ? ` · ${bytes(left.pace)}/s · ${seconds(left.time)} left` : ''))
  }

  cancelling() { this.#say('cancelling') }

  cancelled() { this.#end('cancelled', 'Cancelled.') }

  failed(why) { this.#end('failed', why) }

  verified({ size, sha256 }) {
    this.#end('verified', `verified · ${bytes(size)}`)
    this.#row.append(hash(sha256))
  }

  #end(state, text) {
    this.#set(state)
    this.#say(text)
    $('said').textContent = `${this.#name.textContent}: ${text}`
    this.#place()
    this.#row.classList.add('ended')
    this.#row.tabIndex = -1
    if (this.#cancel === document.activeElement) this.#row.focus()
    this.#bar.remove()
    this.#cancel.remove()
  }

  // place keeps the order: what moves, what waits, and what has ended, the last first.
  #place() { $('transfers').insertBefore(this.#row, $('transfers').querySelector('.ended')) }

  #set(state) { this.#row.dataset.state = state }

  #say(text) { this.#state.textContent = text }
}

// Pace is bytes a second, over the last few.
class Pace {
  #since = 0
  #here = 0
  #pace = 0

  left(here, size) {
    const now = performance.now()
    this.#since ||= now
    const time = (now - this.#since) / 1000
    if (time >= 0.5) {
      const pace = (here - this.#here) / time
      this.#pace = this.#pace ? 0.7 * this.#pace + 0.3 * pace : pace
      this.#since = now
      this.#here = here
    }
    return this.#pace > 0 && here < size ? { pace: this.#pace, time: (size - here) / this.#pace } : null
  }
}
