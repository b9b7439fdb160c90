package dial

import (
	"net/http"
	"net/url"
)

// proxyURL is an Options.Proxy.
func proxyURL(raw string) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) { return url.Parse(raw) }
}
