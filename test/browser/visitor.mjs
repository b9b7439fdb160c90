// One browser window on the chat page, with the ids that the page promises.
import assert from 'node:assert/strict'

const WAIT = { timeout: 15_000 }

export class Visitor {
  errors = [] // what the console shows in red
  sockets = [] // addresses of the WebSockets that the page opened

  constructor(page) {
    this.page = page
    page.setDefaultTimeout(WAIT.timeout)
    page.on('console', (m) => { if (m.type() === 'error') this.errors.push(m.text()) })
    page.on('pageerror', (error) => this.errors.push(String(error)))
    page.on('websocket', (ws) => this.sockets.push(ws.url()))
  }

  // open shows the address in a window that shares nothing with the others.
  static async open(t, browser, url, options) {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
    t.after(() => context.close())
    const visitor = new Visitor(await context.newPage())
    await visitor.page.goto(url)
    return visitor
  }

  async join(name) {
    await this.page.fill('#name', name)
    await this.page.click('#join')
    await this.isConnected()
  }

  // tryToJoin does not mind a page that no longer lets anyone join.
  async tryToJoin(name) {
    try {
      await this.page.fill('#name', name, { timeout: 2000 })
      await this.page.click('#join', { timeout: 2000 })
    } catch (error) {
      if (error.name !== 'TimeoutError') throw error
    }
  }

  async say(text) {
    await this.page.fill('#text', text)
    await this.page.click('#send')
  }

  // sees waits for the message in the log.
  async sees(who, body) {
    await this.until(
      ([who, body]) => [...document.querySelectorAll('#log .msg')].some((m) =>
        m.querySelector('.who')?.textContent.trim() === who &&
        m.querySelector('.body')?.textContent.trim() === body),
      [who, body])
  }

  // seesPeople waits until these are in the list of who is here, in any order.
  async seesPeople(...names) {
    await this.until(
      (names) => [...document.querySelectorAll('#names bdi')].map((n) => n.textContent).sort().join() === names,
      names.sort().join())
  }

  async isConnected() {
    await this.until(() => document.querySelector('#status').textContent.trim() === 'connected')
  }

  // isTurnedAway waits for the busy state, or the busy page that a host may show
  // in place of the chat.
  async isTurnedAway() {
    await this.until(() => {
      const status = document.querySelector('#status')
      return status ? status.textContent.trim() === 'busy' : /busy/i.test(document.body.textContent)
    })
  }

  async text(selector) {
    return (await this.page.textContent(selector)).trim()
  }

  // until waits for a condition in the page and says what the page showed instead.
  async until(condition, arg) {
    try {
      await this.page.waitForFunction(condition, arg, WAIT)
    } catch (error) {
      const text = await this.page.evaluate(() => document.body.innerText)
      assert.fail(`${error.message}\nwaiting for ${condition} with ${JSON.stringify(arg)}, the page shows:\n${text}`)
    }
  }
}
