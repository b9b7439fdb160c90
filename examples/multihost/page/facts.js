// Shows what the server says about the connection.

const $ = (id) => document.getElementById(id)

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

// show replaces everything that is shown.
export function show({ host, cert, tls }) {
  list('host', [
    ['Name', host.descr], ['Tag', host.tag], ['Names', host.names],
    ['You asked for', host.asked], ['It listens on', host.at], ['You come from', host.from],
  ])
  $('no-cert').hidden = Boolean(cert)
  list('cert', cert ? [
    ['Kind', cert.temporary ? 'temporary, made by the server itself' : 'loaded from a file', cert.temporary ? 'warn' : 'good'],
    ['Subject', cert.subject], ['Issuer', cert.issuer], ['Names', cert.names],
    ['Valid from', day.format(new Date(cert.from))], ['Valid until', `${day.format(new Date(cert.until))} (${left(cert.until)})`],
    ['Key', cert.key], ['Serial', cert.serial],
  ] : [])
  $('no-tls').hidden = Boolean(tls)
  list('tls', tls ? [
    ['Version', tls.version], ['Cipher suite', tls.suite], ['Key exchange', tls.group || 'not told'],
    ['Server name', tls.name || 'none was sent'], ['Resumed', tls.resumed ? 'yes, from an earlier connection' : 'no, a full handshake'],
    ['Your certificate', tls.client || 'none'],
  ] : [])
}

// left is the time until a date in whole days or hours.
function left(until) {
  const hours = Math.floor((new Date(until) - Date.now()) / 3_600_000)
  if (hours < 0) return 'expired'
  return hours < 48 ? `${hours} h left` : `${Math.floor(hours / 24)} days left`
}

// list fills a list of terms. Everything in it is text, never markup.
function list(id, rows) {
  $(id).replaceChildren(...rows.flatMap(([term, value, mood]) => {
    const dt = document.createElement('dt')
    dt.textContent = term
    const dds = [value].flat().map((text) => {
      const dd = document.createElement('dd')
      dd.textContent = text
      if (mood) dd.className = mood
      return dd
    })
    return [dt, ...dds]
  }))
}
