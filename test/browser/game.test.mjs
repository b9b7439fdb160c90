// Plays examples/game as people do, in a real Chromium.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'

import { binary, start } from './server.mjs'
import { Visitor } from './visitor.mjs'

const limit = { timeout: 60_000 }

let browser
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  })
}, limit)
after(() => browser?.close())

const game = (t, addr = '127.0.0.1:0', bots = 5) => start(t, binary('ICSWS_GAME'), ['-addr', addr, '-bots', String(bots)])

// fly opens the page and joins under a name.
async function fly(t, url, name, options) {
  const pilot = await Visitor.open(t, browser, url, options)
  await pilot.page.fill('#name', name)
  await pilot.page.click('#join')
  await flying(pilot)
  return pilot
}

const flying = (pilot) => pilot.until(() =>
  document.body.dataset.view === 'arena' && /\d/.test(document.querySelector('#ships').textContent))

// picture saves what a pilot sees when SHOTS names a folder.
async function picture(pilot, name) {
  if (process.env.SHOTS) await pilot.page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) })
}

// middle is what is drawn around the own ship. The ship stays there, the ground moves.
const ground = (pilot) => pilot.page.evaluate(() => document.querySelector('#arena').toDataURL())

test('a pilot flies with the keys and sees the figures', limit, async (t) => {
  const ada = await fly(t, (await game(t)).url('http:'), 'Ada')
  assert.equal(await ada.text('#ships'), '6')
  assert.equal(await ada.text('#bots'), '5')
  await ada.until(() => /^\d+ ms$/.test(document.querySelector('#latency').textContent))
  await ada.until(() => /^\d+\.\d\d ms$/.test(document.querySelector('#work').textContent))
  await ada.until(() => /^\d+\.\d kB\/s$/.test(document.querySelector('#data').textContent))
  const before = await ground(ada)
  await ada.page.keyboard.down('ArrowDown')
  await ada.page.waitForTimeout(500)
  await ada.page.keyboard.up('ArrowDown')
  assert.notEqual(await ground(ada), before)
  await picture(ada, 'game')
  assert.match(ada.sockets[0], /\/play\?name=Ada$/)
  assert.deepEqual(ada.errors, [])
})

test('sparks make a score and a list of the best', limit, async (t) => {
  const ada = await fly(t, (await game(t, undefined, 20)).url('http:'), 'Ada')
  await ada.until(() => document.querySelectorAll('#leaders li').length === 5)
  assert.match(await ada.text('#leaders li'), /^bot-\d+ \d+$/)
  assert.deepEqual(ada.errors, [])
})

test('a finger steers on a phone, and nothing has to be scrolled', limit, async (t) => {
  const ada = await fly(t, (await game(t)).url('http:'), 'Ada', {
    viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2,
  })
  const before = await ground(ada)
  await ada.page.evaluate(() => {
    const canvas = document.querySelector('#arena')
    canvas.setPointerCapture = () => {}
    canvas.dispatchEvent(new PointerEvent('pointerdown', { pointerId: 1, clientX: 350, clientY: 600 }))
  })
  await ada.page.waitForTimeout(500)
  assert.notEqual(await ground(ada), before)
  assert.ok(await ada.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth))
  await picture(ada, 'game-phone')
  assert.deepEqual(ada.errors, [])
})

// shade is the mean of the colours of the picture, from 0 to 255.
const shade = (pilot) => pilot.page.evaluate(() => {
  const { width, height } = document.querySelector('#arena')
  const { data } = document.querySelector('#arena').getContext('2d').getImageData(0, 0, width, height)
  return data.reduce((sum, v, i) => i % 4 < 3 ? sum + v : sum, 0) / (width * height * 3)
})

for (const [colorScheme, least, most] of [['dark', 0, 80], ['light', 200, 255]]) {
  test(`the door says what it is, ${colorScheme}`, limit, async (t) => {
    const url = (await game(t, undefined, 30)).url('http:')
    for (const viewport of [{ width: 1280, height: 720 }, { width: 390, height: 844 }, { width: 360, height: 640 }]) {
      const ada = await Visitor.open(t, browser, url, { colorScheme, viewport })
      const name = `${colorScheme}-${viewport.width}`
      assert.match(await ada.text('#door'), /WebSocket.*one goroutine/s)
      assert.ok(await ada.page.evaluate(() => document.querySelector('#door').scrollWidth <= window.innerWidth))
      await picture(ada, `game-door-${name}`)
      await ada.page.fill('#name', 'Ada')
      await ada.page.click('#join')
      await flying(ada)
      await ada.page.keyboard.down('ArrowLeft')
      await ada.page.waitForTimeout(1500)
      const got = await shade(ada)
      assert.ok(got >= least && got <= most, `the picture is of shade ${got}`)
      await picture(ada, `game-${name}`)
      assert.deepEqual(ada.errors, [])
    }
  })
}

test('a name that can not be is told at once', limit, async (t) => {
  const ada = await Visitor.open(t, browser, (await game(t)).url('http:'))
  await ada.page.fill('#name', '  ')
  await ada.page.click('#join')
  assert.equal(await ada.page.getAttribute('#name', 'aria-invalid'), 'true')
  assert.equal(await ada.text('#note'), 'Please enter a name.')
  await ada.page.fill('#name', 'Александра') // 20 bytes
  await ada.page.click('#join')
  assert.match(await ada.text('#note'), /16 bytes/)
  assert.deepEqual(ada.sockets, [])
})

test('at the door one sees that the server is away, and may take another name', limit, async (t) => {
  const first = await game(t)
  const url = first.url('http:')
  const ada = await Visitor.open(t, browser, url)
  await first.stop('SIGTERM')
  await ada.page.fill('#name', 'Ada')
  await ada.page.click('#join')
  await ada.until(() => document.querySelector('#note').textContent === 'Not connected. Trying again.')
  await game(t, new URL(url).host)
  await ada.page.fill('#name', 'Eve')
  await ada.page.click('#join')
  await flying(ada)
  assert.match(ada.sockets.at(-1), /name=Eve$/)
})

test('the page goes on by itself after a restart of the server', limit, async (t) => {
  const first = await game(t)
  const url = first.url('http:')
  const ada = await fly(t, url, 'Ada')
  assert.equal(await first.stop('SIGTERM'), 0)
  await ada.until(() => document.querySelector('#status').textContent !== '')
  await game(t, new URL(url).host, 2)
  await ada.until(() => document.querySelector('#status').textContent === '' && document.querySelector('#ships').textContent === '3')
})
