// Draws the arena, with the own ship in the middle.

const SPARK = 1
const FIRST_HUE = 2
const SHIP = 16 // radius in pixels of the arena
const GRID = 160
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

// draw shows bodies at a moment between the last two messages: 0 is the one, 1 the other.
export function draw(bodies, me, side, moment) {
  pen.fillStyle = '#0b1020'
  pen.fillRect(0, 0, width, height)
  const own = bodies.get(me)
  const x = own ? between(own.fromX, own.x, moment) : side / 2
  const y = own ? between(own.fromY, own.y, moment) : side / 2
  pen.save()
  pen.translate(width / 2, height / 2)
  pen.scale(scale, scale)
  pen.translate(-x, -y)
  ground(x, y, side)
  for (const b of bodies.values()) if (b.kind === SPARK) spark(b)
  for (const b of bodies.values()) if (b.kind !== SPARK) ship(b, b === own, moment)
  pen.restore()
}

function between(a, b, moment) { return a + (b - a) * moment }

function ground(x, y, side) {
  const w = width / 2 / scale
  const h = height / 2 / scale
  const left = Math.max(0, x - w), right = Math.min(side, x + w)
  const top = Math.max(0, y - h), bottom = Math.min(side, y + h)
  pen.strokeStyle = '#18203a'
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
  pen.strokeStyle = '#5d6b94'
  pen.lineWidth = 3
  pen.strokeRect(0, 0, side, side)
}

function spark(b) {
  pen.fillStyle = '#ffd166'
  pen.beginPath()
  pen.arc(b.x, b.y, 4.5, 0, 2 * Math.PI)
  pen.fill()
}

function ship(b, own, moment) {
  const dx = b.x - b.fromX, dy = b.y - b.fromY
  if (dx * dx + dy * dy > 0.25) b.heading = Math.atan2(dy, dx)
  const x = between(b.fromX, b.x, moment), y = between(b.fromY, b.y, moment)
  const hue = (b.kind - FIRST_HUE) * 360 / 254
  pen.save()
  pen.translate(x, y)
  pen.save()
  pen.rotate(b.heading)
  pen.fillStyle = `hsl(${hue} 70% 58%)`
  pen.beginPath()
  pen.arc(0, 0, SHIP, 0.7, 2 * Math.PI - 0.7)
  pen.lineTo(SHIP * 1.5, 0)
  pen.closePath()
  pen.fill()
  if (own) {
    pen.strokeStyle = '#fff'
    pen.lineWidth = 2
    pen.stroke()
  }
  pen.restore()
  pen.fillStyle = own ? '#fff' : '#c3cbe0'
  pen.font = '12px system-ui, sans-serif'
  pen.textAlign = 'center'
  pen.fillText(`${b.name} ${b.score}`, 0, -SHIP - 8)
  pen.restore()
}
