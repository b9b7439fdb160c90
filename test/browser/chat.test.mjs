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
  await bob.page.close()
  await eve.isConnected() // by itself, in the place that Bob left
  await eve.sees('Ada', 'still here')
  assert.deepEqual(ada.errors, [])
})

test('who comes later reads what was said, under a name of its own', limit, async (t) => {
  const url = (await chat(t)).url('http:')
  const ada = await visit(t, url)
  await ada.join('Ada')
  await ada.say('first words')
  await ada.sees('Ada', 'first words')

  const other = await visit(t, url)
  await other.join('Ada')
  await other.sees('Ada', 'first words')
  await other.say('who is that?')
  await ada.sees('Ada 2', 'who is that?')
  assert.equal(await ada.text('#here'), '2 here')
  assert.deepEqual(other.errors, [])
})

test('a reader of old messages stays there when new ones come', limit, async (t) => {
  const url = (await chat(t)).url('http:')
  const options = { viewport: { width: 600, height: 400 } }
  const ada = await visit(t, url, options)
  const bob = await visit(t, url, options)
  await ada.join('Ada')
  await bob.join('Bob')
  for (let i = 1; i <= 6; i++) await bob.say(`line ${i}\n`.repeat(4).trim())
  await ada.until(() => document.querySelectorAll('#log .msg').length === 6)
  const place = () => ada.page.evaluate(() => document.querySelector('#scroll').scrollTop)
  assert.ok(await place() > 0, 'the log follows')

  await ada.page.evaluate(() => document.querySelector('#scroll').scrollTo({ top: 0, behavior: 'instant' }))
  await bob.say('news')
  await ada.sees('Bob', 'news')
  assert.equal(await place(), 0, 'the reader was moved')
  await ada.page.click('#newer')
  assert.ok(await place() > 0, 'the button leads to the end')
})

test('everything works from the keyboard', limit, async (t) => {
  const ada = await visit(t, (await chat(t)).url('http:'))
  const { keyboard } = ada.page
  await keyboard.type('Ada')
  await keyboard.press('Enter')
  await ada.isConnected()
  await keyboard.type('two')
  await keyboard.press('Shift+Enter')
  await keyboard.type('lines')
  await keyboard.press('Enter')
  await ada.sees('Ada', 'two\nlines')
  await ada.page.focus('#leave')
  await keyboard.press('Enter')
  await ada.until(() => document.querySelector('#status').textContent === 'closed')
  assert.equal(await ada.page.evaluate(() => document.activeElement.id), 'name')
})

test('a room is at its own address, with its own talk, people and past', limit, async (t) => {
  const server = await chat(t)
  const garden = server.url('http:', '/r/garden')
  const ada = await visit(t, garden)
  const eve = await visit(t, server.url('http:'))
  await ada.join('Ada')
  await eve.join('Ada') // the name is free in the lobby
  assert.equal(await ada.text('#title'), 'garden')
  await ada.say('the roses are out')
  await ada.sees('Ada', 'the roses are out')
  await eve.say('for the lobby')
  await eve.sees('Ada', 'for the lobby')

  const bob = await visit(t, garden)
  await bob.join('Bob')
  await bob.sees('Ada', 'the roses are out')
  await bob.seesPeople('Ada', 'Bob')
  await eve.seesPeople('Ada')
  assert.doesNotMatch(await bob.text('#log'), /lobby/)
  assert.doesNotMatch(await eve.text('#log'), /roses/)
  assert.match(ada.sockets[0], /\/chat\/garden\?name=Ada$/)
  await picture(bob, 'room')
  for (const visitor of [ada, bob, eve]) assert.deepEqual(visitor.errors, [])
})

test('the list of who is here follows those who come and go', limit, async (t) => {
  const url = (await chat(t)).url('http:')
  const ada = await visit(t, url)
  await ada.join('Ada')
  await ada.seesPeople('Ada')
  const bob = await visit(t, url)
  await bob.join('Bob')
  const eve = await visit(t, url)
  await eve.join('Bob')
  await ada.seesPeople('Ada', 'Bob', 'Bob 2')
  await eve.seesPeople('Ada', 'Bob', 'Bob 2')
  assert.equal(await eve.text('#names .own'), 'Bob 2 (you)')

  await bob.page.click('#leave')
  await ada.seesPeople('Ada', 'Bob 2')
  assert.equal(await bob.page.isVisible('#people'), false)
  await eve.page.close()
  await ada.seesPeople('Ada')
  assert.equal(await ada.text('#here'), '1 here')

  await ada.page.click('#here') // it can be put away
  assert.equal(await ada.page.isVisible('#people'), false)
  assert.equal(await ada.page.getAttribute('#here', 'aria-expanded'), 'false')
  assert.deepEqual(ada.errors, [])
})

test('the door leads to other rooms', limit, async (t) => {
  const url = (await chat(t)).url('http:')
  const ada = await visit(t, url)
  await ada.page.fill('#place', 'a/b')
  await ada.page.click('#go')
  assert.equal(ada.page.url(), url)
  assert.equal(await ada.page.getAttribute('#place', 'aria-invalid'), 'true')

  await ada.page.fill('#place', ' My Garden ')
  await ada.page.press('#place', 'Enter')
  await ada.page.waitForURL('**/r/my-garden')
  await picture(ada, 'door')
  await ada.join('Ada')
  await ada.say('here I am')
  await ada.sees('Ada', 'here I am')
  await ada.page.click('#leave')
  await ada.page.click('.aside a')
  await ada.page.waitForURL(url)
  assert.equal(await ada.page.inputValue('#name'), 'Ada')
  assert.deepEqual(ada.errors, [])
})

test('who finds no room is told so, and gets one when there is', limit, async (t) => {
  const server = await chat(t, { args: ['-max-rooms', '1'] })
  const ada = await visit(t, server.url('http:'))
  await ada.join('Ada')
  const bob = await visit(t, server.url('http:', '/r/garden'))
  await bob.tryToJoin('Bob')
  await bob.isTurnedAway()
  assert.match(await bob.text('#why'), /^All rooms are taken\. /)
  await ada.page.click('#leave')
  await bob.isConnected()
  assert.deepEqual(bob.errors, [])
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
  await ada.say('before')
  await bob.sees('Ada', 'before')

  assert.equal(await first.stop('SIGTERM'), 0)
  await ada.until(() => document.querySelector('#status').textContent.trim() !== 'connected')
  await picture(ada, 'closed')

  await chat(t, { addr: new URL(url).host })
  await ada.isConnected()
  await bob.isConnected()
  await ada.say('back again')
  await bob.sees('Ada', 'back again')
  await bob.sees('Ada', 'before') // which the new server does not know
})

test('a lost connection is said once, not with each attempt, where it is read aloud', limit, async (t) => {
  const server = await chat(t)
  const ada = await visit(t, server.url('http:'))
  await ada.join('Ada')
  await ada.page.evaluate(() => {
    window.said = []
    for (const live of document.querySelectorAll('#status, #why')) {
      if (live.role !== 'status' || !live.checkVisibility()) window.said.push(`${live.id} is not heard`)
      new MutationObserver(() => window.said.push(live.textContent)).observe(live, { childList: true, characterData: true, subtree: true })
    }
  })
  await server.stop('SIGTERM')
  await ada.until(() => document.querySelector('#why').textContent === 'Not connected. Trying again.')
  for (let i = 0; i < 100 && ada.sockets.length < 4; i++) await ada.page.waitForTimeout(100)
  assert.ok(ada.sockets.length >= 4, `${ada.sockets.length} attempts`)
  assert.deepEqual((await ada.page.evaluate(() => window.said)).sort(), ['Not connected. Trying again.', 'connecting'])
})

test('who floods a room is shown out for good, and may come back', limit, async (t) => {
  const ada = await visit(t, (await chat(t)).url('http:'))
  await ada.join('Ada')
  await ada.page.evaluate(() => {
    for (let i = 0; i < 100; i++) {
      document.querySelector('#text').value = `flood ${i}`
      document.querySelector('#composer').requestSubmit()
    }
  })
  await ada.until(() => document.querySelector('#why').textContent === 'Closed: too many messages.')
  assert.equal(ada.sockets.length, 1)
  await picture(ada, 'flood')
  await ada.page.click('#again')
  await ada.isConnected()
  assert.equal(ada.sockets.length, 2)
  assert.deepEqual(ada.errors, [])
})

test('after a broken connection the page shows nothing twice', limit, async (t) => {
  const ada = await visit(t, (await chat(t)).url('http:'))
  const routes = []
  await ada.page.routeWebSocket('**/chat?*', (route) => {
    const server = route.connectToServer()
    routes.push({ breakOff: async () => { await server.close(); await route.close({ code: 1012 }) } })
  })
  await ada.page.reload()
  await ada.join('Ada')
  await ada.say('once')
  await ada.sees('Ada', 'once')
  await routes[0].breakOff()
  await ada.until(() => document.querySelector('#status').textContent.trim() !== 'connected')
  await ada.isConnected()
  await ada.say('and again')
  await ada.sees('Ada', 'and again')
  assert.equal(routes.length, 2)
  assert.deepEqual(await ada.page.locator('#log .body').allTextContents(), ['once', 'and again'])
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

  assert.equal(await ada.page.isVisible('#people'), false, 'the list would cover the log')
  await ada.page.tap('#here')
  assert.equal(await ada.page.isVisible('#people'), true)
  assert.ok(await fits(), 'with the list')
  await picture(ada, 'phone-people')
  await ada.page.keyboard.press('Escape')
  assert.equal(await ada.page.isVisible('#people'), false)
  assert.equal(await ada.page.evaluate(() => document.activeElement.id), 'here')
  assert.deepEqual(ada.errors, [])
})

test('the page follows the colour scheme of the system', limit, async (t) => {
  const url = (await chat(t)).url('http:')
  const ink = []
  for (const [name, colorScheme] of [['Ada', 'light'], ['Bob', 'dark']]) {
    const visitor = await visit(t, url, { colorScheme })
    await visitor.join(name)
    await visitor.say(`hello from the ${colorScheme} side`)
    await visitor.sees(name, `hello from the ${colorScheme} side`)
    ink.push(await visitor.page.evaluate(() => getComputedStyle(document.body).color))
    await picture(visitor, colorScheme)
    assert.deepEqual(visitor.errors, [])
  }
  assert.notEqual(ink[0], ink[1], 'the text has one colour in both')
})
