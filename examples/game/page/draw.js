// Draws the arena, with the own ship in the middle.

const SPARK = 1
const FIRST_HUE = 2
const SHIP = 16 // radius in pixels of the arena
const GRID = 160
const MAP = 104 // side of the map, in pixels of the screen
const SIGHT = { x: 760, y: 480 } // what the server tells of: more is never shown

const canvas = document.getElementById('arena')
const pen = canvas.getContext('2d')

let scale = 1 // pixels of the screen for one of the arena
let width = 0
let height = 0

function fit() {
  const ratio = devicePixelRatio || 1
  width = canvas.clientWidth
  height = canvas.clientHeight
  canvas.width = width * ratio
  canvas.height = height * ratio
  scale = Math.max(width / 2 / SIGHT.x, height / 2 / SIGHT.y, 0.6)
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
}
new ResizeObserver(fit).observe(canvas)

// The colours are those of the style sheet.
let colour = {}

function paint() {
  const style = getComputedStyle(document.documentElement)
  for (const name of ['room', 'beyond', 'grid', 'wall', 'ink', 'soft', 'glass', 'edge', 'accent', 'spark', 'halo', 'ship']) {
    colour[name] = style.getPropertyValue(`--${name}`)
  }
}
paint()
matchMedia('(prefers-color-scheme: light)').addEventListener('change', paint)

// draw shows bodies at a moment between the last two messages: 0 is the one, 1 the other.
// Without an own ship the middle of the arena is shown, and no map.
export function draw(bodies, me, side, moment) {
  pen.fillStyle = colour.beyond
  pen.fillRect(0, 0, width, height)
  const own = bodies.get(me)
  const x = own ? between(own.fromX, own.x, moment) : side / 2
  const y = own ? between(own.fromY, own.y, moment) : side / 2
  pen.save()
  pen.translate(width / 2, height / 2)
  pen.scale(scale, scale)
  pen.translate(-x, -y)
  ground(x, y, side)
  sparks(bodies)
  for (const b of bodies.values()) if (b.kind !== SPARK) ship(b, b === own, moment)
  pen.restore()
  if (own) map(bodies, own, x, y, side)
}

function between(a, b, moment) { return a + (b - a) * moment }

function ground(x, y, side) {
  const w = width / 2 / scale
  const h = height / 2 / scale
  const left = Math.max(0, x - w), right = Math.min(side, x + w)
  const top = Math.max(0, y - h), bottom = Math.min(side, y + h)
  pen.fillStyle = colour.room
  pen.fillRect(0, 0, side, side)
  pen.strokeStyle = colour.grid
  pen.lineWidth = 1
  pen.beginPath()
  for (let i = Math.ceil(left / GRID) * GRID; i <= right; i += GRID) {
    pen.moveTo(i, top)
    pen.lineTo(i, bottom)
  }
  for (let i = Math.ceil(top / GRID) * GRID; i <= bottom; i += GRID) {
    pen.moveTo(left, i)
    pen.lineTo(right, i)
  }
  pen.stroke()
  pen.strokeStyle = colour.wall
  pen.lineWidth = 3
  pen.strokeRect(0, 0, side, side)
}

// sparks draws each with a halo, all halos first.
function sparks(bodies) {
  for (const [fill, radius] of [[colour.halo, 11], [colour.spark, 4.5]]) {
    pen.fillStyle = fill
    pen.beginPath()
    for (const b of bodies.values()) {
      if (b.kind !== SPARK) continue
      pen.moveTo(b.x + radius, b.y)
      pen.arc(b.x, b.y, radius, 0, 2 * Math.PI)
    }
    pen.fill()
  }
}

const hue = (b) => (b.kind - FIRST_HUE) * 360 / 254

function ship(b, own, moment) {
  const dx = b.x - b.fromX, dy = b.y - b.fromY
  if (dx * dx + dy * dy > 0.25) b.heading = Math.atan2(dy, dx)
  pen.save()
  pen.translate(between(b.fromX, b.x, moment), between(b.fromY, b.y, moment))
  pen.save()
  pen.rotate(b.heading)
  pen.fillStyle = `hsl(${hue(b)} ${colour.ship})`
  pen.beginPath()
  pen.arc(0, 0, SHIP, 0.7, 2 * Math.PI - 0.7)
  pen.lineTo(SHIP * 1.5, 0)
  pen.closePath()
  pen.fill()
  if (own) {
    pen.strokeStyle = colour.ink
    pen.lineWidth = 2.5
    pen.stroke()
  }
  pen.restore()
  pen.fillStyle = own ? colour.ink : colour.soft
  pen.font = '12px system-ui, sans-serif'
  pen.textAlign = 'center'
  if (b.name) pen.fillText(`${b.name} ${b.score}`, 0, -SHIP - 8)
  pen.restore()
}

// map shows where in the arena one is, and what one knows of, in the corner.
function map(bodies, own, x, y, side) {
  const k = MAP / side
  pen.save()
  pen.translate(width - MAP - 12, height - MAP - 12)
  pen.fillStyle = colour.glass
  pen.strokeStyle = colour.edge
  pen.lineWidth = 1
  pen.fillRect(0, 0, MAP, MAP)
  pen.strokeRect(0, 0, MAP, MAP)
  pen.beginPath()
  pen.rect(0, 0, MAP, MAP)
  pen.clip()
  pen.strokeRect((x - width / 2 / scale) * k, (y - height / 2 / scale) * k, width / scale * k, height / scale * k)
  for (const b of bodies.values()) {
    if (b.kind === SPARK || b === own) continue
    pen.fillStyle = `hsl(${hue(b)} ${colour.ship})`
    pen.fillRect(b.x * k - 1.5, b.y * k - 1.5, 3, 3)
  }
  pen.fillStyle = colour.accent
  pen.beginPath()
  pen.arc(x * k, y * k, 3, 0, 2 * Math.PI)
  pen.fill()
  pen.restore()
}
