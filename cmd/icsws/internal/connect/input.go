package connect

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
)

// mostInput bounds one message of stdin in bytes.
const mostInput = 256 << 20

// input makes messages of stdin. It is for one goroutine.
type input struct {
	o *options
	r *bufio.Reader
	n int // messages so far
}

// next returns the next message, or io.EOF.
func (in *input) next() (client.Message, error) {
	data, err := in.read()
	if err != nil {
		return client.Message{}, err
	}
	in.n++
	switch {
	case in.o.binaryLines:
		data, err = hex.AppendDecode(nil, bytes.Join(bytes.Fields(data), nil))
		if err != nil {
			return client.Message{}, fmt.Errorf("line %d of stdin is no hex: %w", in.n, err)
		}
		return client.Message{Op: client.OpBinary, Data: data}, nil
	case in.o.binary:
		return client.Message{Op: client.OpBinary, Data: data}, nil
	case !utf8.Valid(data):
		return client.Message{}, fmt.Errorf("message %d of stdin is no UTF-8, and can not be sent as text; --binary and --binary-lines send binary messages", in.n)
	}
	return client.Message{Op: client.OpText, Data: data}, nil
}

// read returns the bytes of the next message, without what ends it.
func (in *input) read() ([]byte, error) {
	if in.o.whole {
		return in.all()
	}
	end := byte('\n')
	if in.o.null {
		end = 0
	}
	data, err := in.until(end)
	switch {
	case err == io.EOF && len(data) == 0, err != nil && err != io.EOF:
		return nil, err
	case in.o.null:
		return bytes.TrimSuffix(data, []byte{0}), nil
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r")), nil
}

// all is the rest of stdin, once.
func (in *input) all() ([]byte, error) {
	if in.n > 0 {
		return nil, io.EOF
	}
	data, err := io.ReadAll(io.LimitReader(in.r, mostInput+1))
	if err == nil && len(data) > mostInput {
		err = errTooLong
	}
	return data, err
}

var errTooLong = fmt.Errorf("a message of stdin is longer than %d bytes", mostInput)

// until is ReadBytes with a bound.
func (in *input) until(end byte) (data []byte, err error) {
	for {
		part, err := in.r.ReadSlice(end)
		data = append(data, part...)
		switch {
		case len(data) > mostInput:
			return nil, errTooLong
		case err != bufio.ErrBufferFull:
			return data, err
		}
	}
}

// readHex reads hex with or without blanks and colons between the bytes.
func readHex(text string) ([]byte, error) {
	return hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(text))
}
