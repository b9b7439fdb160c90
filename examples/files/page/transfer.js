// What uploads and downloads have in common. The server's note.go has the order of
// things.

export class Transfer {
  over = false
  cancelling = false
  ended = () => {} // called when it is over
  #reason = '' // of the cancelling, if it was not the reader's

  constructor(link, row) {
    this.link = link
    this.row = row
  }

  // take hears a note of the server.
  take(note) {
    if (this.cancelling && (note.kind === 'begin' || note.kind === 'got')) return
    switch (note.kind) {
      case 'begin': return this.begin(note)
      case 'got': return this.got(note)
      case 'verified': return this.#verified(note)
      case 'refused':
      case 'failed': return this.fail(note.why)
      case 'cancelled': return this.#reason ? this.fail(this.#reason) : this.end(() => this.row.cancelled())
    }
  }

  // What one of the two has no use for.
  got() {}
  bytes() {}
  verified() {}

  #verified(note) {
    if (note.sha256 !== this.sha256) return this.fail('The SHA-256 is not the same on both sides.')
    this.verified(note)
    this.end(() => this.row.verified(note))
  }

  // cancel asks the server, which has the last word: it may be too late.
  cancel(reason = '') {
    if (this.over || this.cancelling) return
    this.cancelling = true
    this.#reason = reason
    this.row.cancelling()
    this.link.tell({ kind: 'cancel' })
  }

  fail(why) { this.end(() => this.row.failed(why)) }

  end(show) {
    if (this.over) return
    this.over = true
    show()
    this.ended()
  }
}
