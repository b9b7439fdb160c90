//go:build !linux

package multilisten

import (
	"context"
	"net"
)

// listenSocket opens the socket of a binding. Package net turns keep-alive on for
// each connection.
func listenSocket(ctx context.Context, at endpoint, control controlFunc) (socket, error) {
	lc := net.ListenConfig{Control: control}
	ln, err := lc.Listen(ctx, at.network, at.address())
	if err != nil {
		return nil, err
	}
	return ln.(socket), nil
}
