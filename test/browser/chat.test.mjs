// Uses the page of examples/chat as people do, in a real Chromium.
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

const chat = (t, { addr = '127.0.0.1:0', args = [] } = {}) =>
  start(t, binary('ICSWS_CHAT'), ['-addr', addr, '-tls-addr', '127.0.0.1:0', ...args], 2)

const visit = (t, url, options) => Visitor.open(t, browser, url, options)

// picture saves what a visitor sees when SHOTS names a folder.
async function picture(visitor, name) {
  if (process.env.SHOTS) await visitor.page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) })
}

test('two windows talk to each other', limit, async (t) => {
  const url = (await chat(t)).url('http:')
  const ada = await visit(t, url)
  const bob = await visit(t, url)
  await ada.join('Ada')
  await bob.join('Bob')

  await ada.say('hello Bob')
  await ada.sees('Ada', 'hello Bob')
  await bob.sees('Ada', 'hello Bob')
  await bob.say('grüße, 👋 <b>not bold</b>')
  await ada.sees('Bob', 'grüße, 👋 <b>not bold</b>')
  await bob.sees('Bob', 'grüße, 👋 <b>not bold</b>')

  assert.deepEqual(ada.errors, [])
  assert.deepEqual(bob.errors, [])
})

test('who joins is welcomed', limit, async (t) => {
  const ada = await visit(t, (await chat(t)).url('http:'))
  await ada.join('Ada')
  await ada.until(() => document.querySelector('#banner').textContent.trim() !== '')
  assert.deepEqual(ada.errors, [])
})

test('the third window of two is told that the chat is busy', limit, async (t) => {
  const url = (await chat(t, { args: ['-max-clients', '2'] })).url('http:')
  const ada = await visit(t, url)
  const bob = await visit(t, url)
  await ada.join('Ada')
  await bob.join('Bob')

  const eve = await visit(t, url)
  await eve.tryToJoin('Eve')
  await eve.isTurnedAway()
  await picture(eve, 'busy')

  await ada.say('still here')
  await bob.sees('Ada', 'still here')
  assert.deepEqual(ada.errors, [])
})

test('the host lounge.localhost shows another page with a room of its own', limit, async (t) => {
  const url = new URL((await chat(t)).url('http:'))
  const ada = await visit(t, url.href)
  url.hostname = 'lounge.localhost'
  const lou = await visit(t, url.href)
  assert.notEqual(await lou.text('#title'), await ada.text('#title'))

  await ada.join('Ada')
  await lou.join('Lou')
  await ada.say('for the main room')
  await ada.sees('Ada', 'for the main room')
  await lou.say('for the lounge')
  await lou.sees('Lou', 'for the lounge')
  assert.doesNotMatch(await lou.text('#log'), /main room/)
  assert.doesNotMatch(await ada.text('#log'), /lounge/)
  await picture(lou, 'lounge')
  assert.deepEqual(lou.errors, [])
})

test('the page works over TLS with a temporary certificate, beside plain windows', limit, async (t) => {
  const server = await chat(t)
  const ada = await visit(t, server.url('https:'), { ignoreHTTPSErrors: true })
  const bob = await visit(t, server.url('http:'))
  await ada.join('Ada')
  await bob.join('Bob')
  assert.match(ada.sockets[0], /^wss:/)
  await ada.say('in secret')
  await bob.sees('Ada', 'in secret')
  assert.deepEqual(ada.errors, [])
})

test('the page connects again by itself after a restart of the server', limit, async (t) => {
  const first = await chat(t)
  const url = first.url('http:')
  const ada = await visit(t, url)
  const bob = await visit(t, url)
  await ada.join('Ada')
  await bob.join('Bob')

  assert.equal(await first.stop('SIGTERM'), 0)
  await ada.until(() => document.querySelector('#status').textContent.trim() !== 'connected')
  await picture(ada, 'closed')

  await chat(t, { addr: new URL(url).host })
  await ada.isConnected()
  await bob.isConnected()
  await ada.say('back again')
  await bob.sees('Ada', 'back again')
})

test('a phone needs no horizontal scrolling', limit, async (t) => {
  const ada = await visit(t, (await chat(t)).url('http:'), {
    viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2,
  })
  const fits = () => ada.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)
  assert.ok(await fits(), 'before joining')
  await ada.join('Ada')
  for (const text of ['hello', 'word'.repeat(60), 'many short words '.repeat(12).trim()]) {
    await ada.say(text)
    await ada.sees('Ada', text)
  }
  assert.ok(await fits(), 'with long messages')
  await picture(ada, 'phone')
  assert.deepEqual(ada.errors, [])
})

test('the page follows the colour scheme of the system', limit, async (t) => {
  const url = (await chat(t)).url('http:')
  const ink = []
  for (const colorScheme of ['light', 'dark']) {
    const ada = await visit(t, url, { colorScheme })
    await ada.join('Ada')
    await ada.say(`hello from the ${colorScheme} side`)
    await ada.sees('Ada', `hello from the ${colorScheme} side`)
    ink.push(await ada.page.evaluate(() => getComputedStyle(document.body).color))
    await picture(ada, colorScheme)
    assert.deepEqual(ada.errors, [])
  }
  assert.notEqual(ink[0], ink[1], 'the text has one colour in both')
})
