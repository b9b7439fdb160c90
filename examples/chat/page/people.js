// Who is here: a list beside the log, or over it where there is no room beside.

const people = document.getElementById('people')
const names = document.getElementById('names')
const here = document.getElementById('here') // the button that shows and hides the list

const beside = matchMedia('(min-width: 60rem)') // as in style.css

let all = new Set()
let me = ''
let open = beside.matches

// list takes the names of all, as a newcomer gets them.
export function list(everybody, own) {
  all = new Set(everybody)
  me = own
  draw()
}

// came adds a name.
export function came(name) {
  all.add(name)
  draw()
}

// gone takes a name out.
export function gone(name) {
  all.delete(name)
  draw()
}

// nobody is what one knows without a connection.
export function nobody() {
  all.clear()
  draw()
}

function draw() {
  const sorted = [...all].sort((a, b) => (b === me) - (a === me) || a.localeCompare(b))
  names.replaceChildren(...sorted.map(row))
  here.textContent = `${all.size} here`
  show()
}

function row(name) {
  const li = document.createElement('li')
  const who = document.createElement('bdi') // a name may run from right to left
  who.textContent = name
  li.append(who)
  if (name === me) {
    li.className = 'own'
    li.append(' (you)')
  }
  return li
}

function show() {
  here.hidden = all.size === 0
  here.setAttribute('aria-expanded', String(open))
  people.hidden = !open || here.hidden
  document.body.dataset.people = people.hidden ? 'hidden' : 'shown'
}

function turn(to) {
  open = to
  show()
}

here.addEventListener('click', () => turn(!open))
beside.addEventListener('change', () => turn(beside.matches))

// Where it covers the log it goes away easily.
addEventListener('keydown', (e) => {
  if (e.key !== 'Escape' || people.hidden || beside.matches) return
  turn(false)
  here.focus()
})
document.getElementById('scroll').addEventListener('click', () => { if (!beside.matches) turn(false) })
