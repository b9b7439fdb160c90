// Starts the examples as processes and ends them with the test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const READY_MS = 20_000

// binary is the path that the environment gives. A missing one is an error:
// a suite that skips itself proves nothing.
export function binary(name) {
  const path = process.env[name]
  if (!path) throw new Error(`${name} is not set: run make browser`)
  return path
}

// start runs the program and resolves when it has printed as many addresses as
// asked for. With ICSWS_LOG set its log goes to the terminal.
export async function start(t, path, args, addresses = 1) {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', process.env.ICSWS_LOG ? 'inherit' : 'pipe'] })
  const server = new Server(child)
  t.after(() => server.end())
  await server.ready(addresses)
  return server
}

class Server {
  urls = []
  #child
  #log = ''
  #exited
  #stopping = false

  constructor(child) {
    this.#child = child
    this.#exited = once(child, 'exit')
    this.#exited.catch(() => {}) // a failed spawn is reported by ready
    child.stderr?.on('data', (chunk) => { this.#log = (this.#log + chunk).slice(-8192) })
  }

  // url is the first address of the scheme, such as "ws:", with the path added.
  url(scheme, path = '/') {
    const base = this.urls.find((u) => new URL(u).protocol === scheme)
    if (!base) throw new Error(`no ${scheme} address among ${this.urls}`)
    return new URL(path, base).href
  }

  async ready(addresses) {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), READY_MS)
    for await (const line of createInterface({ input: this.#child.stdout })) {
      const found = /\b(?:ws|http)s?:\/\/\S+/.exec(line)
      if (found) this.urls.push(found[0])
      if (this.urls.length === addresses) break
    }
    clearTimeout(timer)
    this.#child.stdout.resume()
    if (this.urls.length < addresses) {
      await this.#exited
      throw new Error(`printed ${this.urls.length} of ${addresses} addresses, then ended:\n${this.#log}`)
    }
  }

  // signal sends one that does not end the program.
  signal(name) {
    this.#child.kill(name)
  }

  // stop sends the signal and resolves to the exit code (null: died of a signal).
  async stop(signal = 'SIGTERM') {
    this.#stopping = true
    this.#child.kill(signal)
    const [code] = await this.#exited
    return code
  }

  async end() {
    const died = this.#child.exitCode !== null || this.#child.signalCode !== null
    if (died && !this.#stopping) {
      throw new Error(`the server died, code ${this.#child.exitCode} ${this.#child.signalCode}:\n${this.#log}`)
    }
    if (!died) await this.stop('SIGKILL')
  }
}
