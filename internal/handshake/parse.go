package handshake

import (
	"net/http"
	"net/url"
	"strings"
)

// parse checks a complete head, with the empty line, and splits it. It allocates
// the URL only: all strings point into head.
func (r *Request) parse(head string) *Error {
	*r = Request{head: head}
	line, fields := cutLine(head)
	if e := r.parseLine(line); e != nil {
		return e
	}
	return r.parseFields(fields)
}

// cutLine cuts the first line off s, without its line end. A lone LF ends a line
// as CRLF does (RFC 9112 section 2.2).
func cutLine(s string) (line, rest string) {
	line = s
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		line, rest = s[:i], s[i+1:]
	}
	return strings.TrimSuffix(line, "\r"), rest
}

// notHTTP refuses a peer by its first byte.
func notHTTP(c byte) *Error {
	if c == 0x16 { // the record type of a TLS ClientHello
		return bad("this is a plain HTTP port, and the request began with a TLS handshake")
	}
	return bad("the request does not begin with a method")
}

// parseLine takes the request line apart (RFC 9112 section 3).
func (r *Request) parseLine(line string) *Error {
	var ok1, ok2 bool
	r.Method, r.Target, ok1 = strings.Cut(line, " ")
	r.Target, r.Proto, ok2 = strings.Cut(r.Target, " ")
	switch {
	case line != "" && charClass[line[0]]&tokenChar == 0:
		return notHTTP(line[0])
	case !ok1 || !ok2 || !isToken(r.Method):
		return bad("the request line is not method, target and version")
	}
	if e := checkProto(r.Proto); e != nil {
		return e
	}
	return r.parseTarget()
}

// checkProto accepts HTTP/1.x. A connection that begins with the preface of
// HTTP/2 gets its 505 here.
func checkProto(p string) *Error {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	if len(p) != 8 || p[:5] != "HTTP/" || !digit(p[5]) || p[6] != '.' || !digit(p[7]) {
		return bad("the request line does not end with an HTTP version")
	}
	if p[5] != '1' {
		return versionNotSupported(p)
	}
	return nil
}

func versionNotSupported(proto string) *Error {
	return &Error{
		Status: http.StatusHTTPVersionNotSupported,
		Body:   quote(proto) + " is not spoken here, use HTTP/1.1",
	}
}

// parseTarget knows the four forms of RFC 9112 section 3.2.
func (r *Request) parseTarget() *Error {
	target := r.Target
	authority := r.Method == http.MethodConnect && !strings.HasPrefix(target, "/")
	if authority {
		target = "http://" + target
	}
	if !allOf(target, targetChar) || target == "*" && r.Method != http.MethodOptions {
		return bad("the request target is not valid")
	}
	u := plainURL(target)
	if u == nil {
		var err error
		if u, err = url.ParseRequestURI(target); err != nil {
			return bad("the request target is not valid")
		}
	}
	absolute := target[0] != '/' && target != "*"
	if absolute && (u.Host == "" || u.User != nil || !allOf(u.Host, hostChar)) {
		return bad("the request target has no valid host")
	}
	if authority {
		u.Scheme = ""
	}
	r.URL, r.host = u, u.Host
	return nil
}

// plainURL is [url.ParseRequestURI] for a target in origin form whose path has
// nothing in it that is or could be escaped, nil for any other. All bytes are
// targetChar.
func plainURL(target string) *url.URL {
	path, query, asked := strings.Cut(target, "?")
	if path == "" || path[0] != '/' || !allOf(path, plainChar) {
		return nil
	}
	return &url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}
}

// parseFields checks each header line and the Host among them.
func (r *Request) parseFields(lines string) *Error {
	hosts, rest := 0, lines
	for {
		at := len(lines) - len(rest)
		var line string
		if line, rest = cutLine(rest); line == "" {
			r.Raw = lines[:at]
			break
		}
		colon, e := checkField(line)
		if e != nil {
			return e
		}
		if colon == len("Host") && equalFold(line[:colon], "Host") {
			hosts++
			if e := r.takeHost(trimOWS(line[colon+1:])); e != nil {
				return e
			}
		}
		r.note(line[:colon], line[colon+1:], len(lines)-len(rest))
	}
	if hosts > 1 {
		return bad("the request has %d Host headers", hosts)
	}
	if hosts == 0 && r.Proto != "HTTP/1.0" {
		return bad("the Host header is missing")
	}
	return nil
}

// takeHost keeps the Host header unless the target was absolute, which goes
// before it (RFC 9112 section 3.2.2).
func (r *Request) takeHost(value string) *Error {
	if !allOf(value, hostChar) {
		return bad("the Host header is not valid")
	}
	if r.URL.Host == "" {
		r.host = value
	}
	return nil
}

// checkField checks a header line and returns where its colon is (RFC 9112
// section 5). Folded lines and white space before the colon are how requests are
// smuggled past a proxy: 400.
func checkField(line string) (colon int, e *Error) {
	for colon < len(line) && charClass[line[colon]]&tokenChar != 0 {
		colon++
	}
	switch {
	case line[0] == ' ' || line[0] == '\t':
		return 0, bad("a header line begins with white space")
	case colon == len(line):
		return 0, bad("a header line has no colon")
	case line[colon] == ' ' || line[colon] == '\t':
		return 0, bad("a header has white space before its colon")
	case line[colon] != ':' || colon == 0:
		return 0, bad("a header name is not valid")
	case !allOf(line[colon+1:], valueChar):
		return 0, bad("the header %s has a control character in its value", quote(line[:colon]))
	}
	return colon, nil
}
