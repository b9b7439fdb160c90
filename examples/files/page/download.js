// A download: what comes is summed up and put aside. A Blob is the browser's, which
// moves large ones to the disk; the script keeps none of the bytes.

import { SHA256 } from './sha256.js'
import { Transfer } from './transfer.js'

export class Download extends Transfer {
  #sum = new SHA256()
  #parts = []
  #here = 0 // bytes

  constructor(link, row, name) {
    super(link, row)
    this.name = name
  }

  start() { this.link.tell({ kind: 'download', name: this.name }) }

  begin({ size }) {
    this.size = size
    this.row.progress(0, size)
    this.#finish()
  }

  bytes(buffer) {
    if (this.over || this.cancelling) return // what was still under way
    this.#sum.update(new Uint8Array(buffer))
    this.#parts.push(new Blob([buffer]))
    this.#here += buffer.byteLength
    this.row.progress(this.#here, this.size)
    this.link.tell({ kind: 'got', size: this.#here })
    this.#finish()
  }

  #finish() {
    if (this.#here < this.size) return
    this.sha256 = this.#sum.hex()
    this.link.tell({ kind: 'done', sha256: this.sha256 })
  }

  // verified is when the file is handed to its reader, and not before.
  verified() {
    const a = document.createElement('a')
    a.href = URL.createObjectURL(new Blob(this.#parts))
    a.download = this.name
    a.click()
    setTimeout(() => URL.revokeObjectURL(a.href), 60_000)
  }

  end(show) {
    super.end(show)
    this.#parts = []
  }
}
