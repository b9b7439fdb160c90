package wsserver

import (
	"errors"
	"fmt"
	"net/http"
)

// Errors of the methods of [Server]. Each may arrive wrapped; compare with errors.Is.
var (
	// ErrServerClosed: Shutdown, Close or Abort was called; the server is spent. It
	// is an http.ErrServerClosed too.
	ErrServerClosed = fmt.Errorf("wsserver: server closed: %w", http.ErrServerClosed)
	// ErrListening: Listen was called on a server that listens.
	ErrListening = errors.New("wsserver: already listening")
)

// ConfigError says which field of a [Config] is wrong, and why. New may return
// several, joined.
type ConfigError struct {
	Field string // such as "PingInterval" or "Banner"
	Err   error  // names the value
}

// Error names the field.
func (e *ConfigError) Error() string { return "wsserver: Config." + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the field.
func (e *ConfigError) Unwrap() error { return e.Err }

func configError(field, format string, args ...any) error {
	return &ConfigError{field, fmt.Errorf(format, args...)}
}

// OriginError says which entry of a list of origins is wrong. It is in the [*ConfigError]
// of AllowedOrigins.
type OriginError struct {
	Index int // from 0
	Entry string
	Err   error
}

// Error names the entry.
func (e *OriginError) Error() string {
	return fmt.Sprintf("entry %d, %q: %v", e.Index, e.Entry, e.Err)
}

// Unwrap returns what is wrong with the entry.
func (e *OriginError) Unwrap() error { return e.Err }
