package reach

import (
	"errors"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// CodeOfDial is the exit code for an attempt that failed.
func CodeOfDial(e *dial.DialError) cli.Code {
	switch {
	case e.Timeout():
		return cli.TimedOut
	case e.Stage == dial.StageProxy:
		return cli.NoConnection
	}
	switch e.Reason {
	case dial.ReasonStatus, dial.ReasonRedirect, dial.ReasonNotWebSocket, dial.ReasonProtocol, dial.ReasonExtension, dial.ReasonHeaderTooLarge:
		return cli.Refused
	case dial.ReasonOptions:
		return cli.Failed
	}
	return cli.NoConnection
}

// CodeOfClose is the exit code for the end of a connection: a program that took its leave
// has not failed, nor has one that was told that all is well.
func CodeOfClose(i client.CloseInfo) cli.Code {
	switch {
	case errors.Is(i.Cause, client.ErrPingTimeout), errors.Is(i.Cause, client.ErrIdleTimeout), errors.Is(i.Cause, client.ErrWriteTimeout):
		return cli.TimedOut
	case errors.Is(i.Cause, client.ErrCloseCalled):
		return cli.OK
	case !i.Remote || i.Code == client.StatusAbnormal:
		return cli.Failed
	case i.Code == client.StatusNormalClosure, i.Code == client.StatusGoingAway, i.Code == client.StatusNoCode:
		return cli.OK
	}
	return cli.Refused
}
