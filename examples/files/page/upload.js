// An upload: the file is read and sent in pieces, a few ahead of what the server has
// written. So neither side ever has more of it than those.

import { SHA256 } from './sha256.js'
import { Transfer } from './transfer.js'

const PIECE = 256 * 1024 // bytes
const WINDOW = 8 // pieces without an answer

export class Upload extends Transfer {
  #sum = new SHA256()
  #sent = 0 // bytes
  #unanswered = 0 // pieces
  #pumping = false

  constructor(link, row, file) {
    super(link, row)
    this.file = file
  }

  start() { this.link.tell({ kind: 'upload', name: this.file.name, size: this.file.size }) }

  begin({ name }) {
    this.row.named(name)
    this.row.progress(0, this.file.size)
    this.#pump()
  }

  got({ size }) {
    this.#unanswered--
    this.row.progress(size, this.file.size)
    this.#pump()
  }

  // pump sends as long as there is room in the window. It runs once at a time.
  async #pump() {
    if (this.#pumping || this.sha256) return
    this.#pumping = true
    try {
      while (!this.#resting && this.#sent < this.file.size) await this.#sendPiece()
    } catch { // the file has gone, was changed, or is a folder
      this.cancel('The browser can not read the file.')
    }
    this.#pumping = false
    if (this.#sent < this.file.size || this.over || this.cancelling) return
    this.sha256 = this.#sum.hex()
    this.link.tell({ kind: 'done', sha256: this.sha256 })
  }

  get #resting() { return this.over || this.cancelling || this.#unanswered >= WINDOW }

  async #sendPiece() {
    const piece = await this.file.slice(this.#sent, this.#sent + PIECE).arrayBuffer()
    if (this.over || this.cancelling) return
    this.#sum.update(new Uint8Array(piece))
    this.#sent += piece.byteLength
    this.#unanswered++
    this.link.send(piece)
  }
}
