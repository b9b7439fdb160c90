package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

// File is what a configuration file says.
type File struct {
	// Server is the configuration, without what text can not hold: handlers, events,
	// loggers and other code are for the program to add.
	Server wsserver.Config
	// ACME is the section acme, nil without one. Package hosts/acme makes an issuer of
	// it, which this package does not import.
	ACME *ACME
	// Warnings are about settings that are accepted and have no effect. [Save] does not
	// write them.
	Warnings []hosts.Warning
}

// Format is how a file is written.
type Format uint8

// The formats.
const (
	TOML Format = iota // version 1.0
	YAML               // version 1.2, one document, without anchors and tags
	JSON
	INI // sections Server and Acme, and for hosts those of hosts.LoadINI
)

var formatNames = [...]string{"TOML", "YAML", "JSON", "INI"}

// String returns the name of the format.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// FormatOf returns the format of a file by the end of its name: .toml, .yaml, .yml,
// .json or .ini. The error wraps [ErrFormat].
func FormatOf(path string) (Format, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".toml":
		return TOML, nil
	case ".yaml", ".yml":
		return YAML, nil
	case ".json":
		return JSON, nil
	case ".ini":
		return INI, nil
	}
	return 0, fmt.Errorf("%w: want .toml, .yaml, .json or .ini", ErrFormat)
}

// Load reads the file. Relative paths in it begin at its folder.
func Load(path string) (*File, error) {
	format, err := FormatOf(path)
	if err != nil {
		return nil, &Error{File: path, Err: err}
	}
	f, err := os.Open(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, &Error{File: path, Err: err}
	}
	defer f.Close()
	r := &reader{file: path, dir: filepath.Dir(path)}
	return r.read(f, format)
}

// Read reads a text. Relative paths in it are those of the working directory.
func Read(r io.Reader, format Format) (*File, error) {
	return new(reader).read(r, format)
}

// Save writes f so that Read gives the same back, save for the warnings. What text can
// not hold is an error and not left out; then nothing is written. The error joins an
// [*Error] with [ErrNotText] for each such field.
func Save(w io.Writer, f *File, format Format) error {
	text, err := encode(f, format)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}
