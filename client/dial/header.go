package dial

import (
	"net/http"
	"strings"
)

// prepare makes the header lines of the request.
func (a *attempt) prepare() *DialError {
	a.header = a.o.Header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	if f := a.o.HeaderFunc; f != nil {
		var fresh http.Header
		err := guarded(func() (err error) { fresh, err = f(a.ctx); return err })
		if err == nil {
			err = checkHeader(fresh)
		}
		if err == nil {
			err = a.ctx.Err()
		}
		if err != nil {
			return a.blame(StageHeader, err)
		}
		for name := range fresh {
			drop(a.header, name)
		}
		for name, values := range fresh {
			a.header[name] = append(a.header[name], values...)
		}
	} else if err := checkHeader(a.header); err != nil {
		return a.fail(StageOptions, wrapOption("Header", err))
	}
	if host := lines(a.header, "Host"); len(host) > 0 {
		a.host = host[0]
		drop(a.header, "Host")
	}
	if a.to.auth != "" && lines(a.header, "Authorization") == nil {
		a.header["Authorization"] = []string{a.to.auth}
	}
	return nil
}

// lines are all values of a name, however it is spelled; nil without any.
func lines(h http.Header, name string) (values []string) {
	for n, v := range h {
		if strings.EqualFold(n, name) {
			values = append(values, v...)
		}
	}
	return values
}

// drop removes a name, however it is spelled.
func drop(h http.Header, name string) {
	for n := range h {
		if strings.EqualFold(n, name) {
			delete(h, n)
		}
	}
}

// strip removes what is meant for one host only.
func strip(h http.Header) {
	for n := range h {
		switch strings.ToLower(n) {
		case "authorization", "www-authenticate", "cookie", "cookie2", "proxy-authorization", "proxy-authenticate":
			delete(h, n)
		}
	}
}
