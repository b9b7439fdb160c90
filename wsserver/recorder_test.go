package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// TestRecorderAgreesWithServer holds clienttest.Recorder against a server: what a
// class may learn from Base in any event is the same on both.
func TestRecorderAgreesWithServer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(g *guest, j *journal) error
		frame  client.CloseError // that the peer gets
	}{
		{"close", scriptClose, client.CloseError{Code: 1000}},
		{"abort", scriptAbort, client.CloseError{Code: 1006}},
		{"error", func(*guest, *journal) error { return errors.New("broken") }, client.CloseError{Code: 1011}},
		{"close error", func(*guest, *journal) error { return &client.CloseError{Code: 4000, Reason: "enough"} }, client.CloseError{Code: 4000, Reason: "enough"}},
		{"panic", func(*guest, *journal) error { panic("boom") }, client.CloseError{Code: 1011}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				onServer, frame := livedOnServer(t, recordedLife(tt.script))
				if frame != tt.frame {
					t.Errorf("the peer got %v, want %v", frame, tt.frame)
				}
				onRecorder, frame := livedOnRecorder(t, recordedLife(tt.script))
				if frame != tt.frame {
					t.Errorf("the recorder has %v, want %v", frame, tt.frame)
				}
				if !slices.Equal(onServer, onRecorder) {
					t.Errorf("on a server\n%q\non a recorder\n%q", onServer, onRecorder)
				}
			})
		})
	}
}

// recordedLife is a desk whose guests note what Base tells them. The first message is
// echoed, the second runs the script.
func recordedLife(script func(g *guest, j *journal) error) *desk {
	d := new(desk)
	d.connect = func(g *guest) error {
		d.add(fmt.Sprint("bad banner ", g.SetBanner("\xff"), ", banner ", g.SetBanner("hello")))
		d.add(fmt.Sprint("facts ", g.Name() != "", g.RawURI(), g.Origin(), g.SubProtocol(), g.HostHeader(), g.Header().Get("X-Mine")))
		return nil
	}
	d.message = func(g *guest, m client.Message) error {
		s := g.Stats()
		d.add(fmt.Sprint("stats ", s.MessagesIn, s.MessagesOut, s.BytesIn, s.BytesOut))
		d.add(fmt.Sprint("late banner ", g.SetBanner("late")))
		if string(m.Data) == "first" {
			return g.Send(m)
		}
		return script(g, &d.journal)
	}
	d.disconnect = func(g *guest, info client.CloseInfo) {
		d.add(fmt.Sprint("end ", info, info.Reason, context.Cause(g.Context()) == info.Cause))
		d.add(fmt.Sprint("after ", g.SendText("x"), g.Close(1000, ""), g.SetBanner("x"), g.Connected(), g.Closing()))
	}
	return d
}

func scriptClose(g *guest, j *journal) error {
	j.add(fmt.Sprint("bad opcode ", g.Send(client.Message{Op: 9})))
	j.add(fmt.Sprint("bad text ", g.SendText("\xff"), ", bytes ", g.SendBinary([]byte{0xff})))
	j.add(fmt.Sprint("bad code ", g.Close(1005, "\xff"), ", bad reason ", g.Close(0, "\xff")))
	j.add(fmt.Sprint("open ", g.Connected(), g.Closing()))
	j.add(fmt.Sprint("close ", g.Close(0, ""), ", again ", g.Close(1001, ""), g.CloseAfterFlush(1001, "")))
	j.add(fmt.Sprint("bad code ", g.Close(1005, ""), ", bad text ", g.SendText("\xff"), ", text ", g.SendText("x"), ", flush ", g.Flush()))
	j.add(fmt.Sprint("open ", g.Connected(), g.Closing(), g.Context().Err()))
	return nil
}

func scriptAbort(g *guest, j *journal) error {
	g.Abort()
	j.add(fmt.Sprint("text ", g.SendText("x"), ", close ", g.Close(1000, ""), ", flush ", g.Flush()))
	j.add(fmt.Sprint("open ", g.Connected(), g.Closing(), g.Context().Err()))
	return errors.New("too late to tell the peer")
}

var recordedFacts = clienttest.Options{
	URI: "/a?b=c", Origin: "https://server.example", SubProtocol: "v1",
	Header: map[string][]string{"X-Mine": {"yes"}}, Banner: "welcome",
}

func livedOnServer(t *testing.T, d *desk) ([]string, client.CloseError) {
	srv := newServer(t, d, wsserver.Config{
		Banner: banner.Policy{Welcome: recordedFacts.Banner}, SubProtocols: []string{"v1"},
		AllowedOrigins: []string{recordedFacts.Origin},
	})
	peer := clienttest.Dial(t, serve(t, srv), recordedFacts.URI, clienttest.DialOptions{
		Origin: recordedFacts.Origin, SubProtocols: []string{"v1"}, Header: recordedFacts.Header,
	})
	peer.SendText("first")
	peer.Receive() // banner
	peer.Receive()
	peer.SendText("second")
	frame := peer.ReceiveClose()
	synctest.Wait()
	return d.lines()[1:], frame
}

func livedOnRecorder(t *testing.T, d *desk) ([]string, client.CloseError) {
	g := d.guest()
	rec := clienttest.Connect(t, g, recordedFacts)
	if err := d.OnClientConnect(g); err != nil {
		t.Fatal(err)
	}
	rec.Greet()
	_ = rec.Text("first")
	_ = rec.Text("second")
	frame := rec.Closed()
	d.OnClientDisconnect(g, rec.Disconnect(client.CloseInfo{}))
	return d.lines(), *frame
}
