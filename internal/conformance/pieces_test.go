package conformance

import (
	stdcontext "context"
	"errors"
	"log/slog"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// pieceEcho sends back messages that it gets in pieces.
type pieceEcho struct {
	client.Base
	message client.Message
	open    bool
}

var errPiece = errors.New("a piece that can not be")

func (c *pieceEcho) OnFragment(f client.Fragment) error {
	switch {
	case f.First == c.open, !f.First && f.Op != c.message.Op, len(f.Data) == 0 && !f.Final, f.Op == client.OpText && !utf8.Valid(f.Data):
		return errPiece
	case f.First:
		c.message = client.Message{Op: f.Op}
	}
	c.message.Data = append(c.message.Data, f.Data...)
	if c.open = !f.Final; c.open {
		return nil
	}
	return c.Send(c.message)
}

func (c *pieceEcho) OnMessage(client.Message) error { return errPiece }

// piecesVariant is a variant whose class gets pieces. It runs in this process and ends with the test.
func piecesVariant(t *testing.T, z client.CompressionMode) *variant {
	t.Helper()
	srv, err := wsserver.New(wsserver.Class[pieceEcho](), wsserver.Config{
		Addr: "127.0.0.1:0", AllowedOrigins: []string{"*"}, MaxMessageSize: limit,
		SendQueue: client.SendQueue{Policy: client.QueueBlock}, Compression: client.Compression{Mode: z},
		Logger: slog.New(slog.DiscardHandler), Driver: driver,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(stdcontext.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := stdcontext.WithTimeout(stdcontext.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := srv.Stats().Panics; n > 0 {
			t.Errorf("%d panics", n)
		}
	})
	v := &variant{name: "pieces, " + z.String()}
	v.once.Do(func() { v.srv = &process{scheme: "ws", addr: srv.Addrs()[0].String()} })
	return v
}

// TestPiecesObeyTheRFCs runs what holds for whole messages with a class that gets them in
// pieces., K-08
func TestPiecesObeyTheRFCs(t *testing.T) {
	// The tests ask for the modes before they run beside others, which is after this has returned.
	was := [...]*variant{plain, perMessage, context}
	wasModes, wasDeflate := modes, deflateModes
	defer func() {
		plain, perMessage, context = was[0], was[1], was[2]
		modes, deflateModes = wasModes, wasDeflate
	}()
	plain = piecesVariant(t, client.CompressionOff)
	perMessage = piecesVariant(t, client.CompressionMessage)
	context = piecesVariant(t, client.CompressionContext)
	modes = []mode{
		{"compression off", plain, ""},
		{"compression per message", perMessage, "permessage-deflate"},
		{"compression with context", context, "permessage-deflate; client_max_window_bits"},
	}
	deflateModes = modes[1:]
	for name, test := range map[string]func(*testing.T){
		"any key":                       TestAnyKeyMasks,
		"bad frame behind good ones":    TestWhatComesBeforeABadFrameIsAnswered,
		"binary":                        TestBinaryMayBeAnything,
		"bombs":                         TestCompressedMessageOverTheLimitIsRefused,
		"chopped":                       TestChoppedFramesComeBack,
		"clients":                       TestManyClientsDoNotMixUp,
		"close":                         TestCloseIsAnsweredWithItsCode,
		"close between fragments":       TestCloseBetweenFragments,
		"close without code":            TestCloseWithoutCodeIsAnsweredWithoutCode,
		"closes that are illegal":       TestIllegalCloseFramesAreRefused,
		"compressed":                    TestCompressedMessagesOfAllSizesComeBack,
		"compressed at the limit":       TestCompressedMessageAtTheLimitComesBack,
		"compressed fragments":          TestCompressedFragments,
		"compressed text":               TestInvalidTextInCompressedMessagesIsRefused,
		"context":                       TestContextOver200Messages,
		"distances":                     TestDistanceOverTheAgreedWindow,
		"empty blocks":                  TestEmptyBlocksAreNoWayToWorkForNothing,
		"empty compressed":              TestEmptyCompressedMessage,
		"end without close":             TestEndWithoutClose,
		"examples":                      TestExamplesOfTheRFC,
		"fragmented control":            TestFragmentedControlFrameIsRefused,
		"fragments":                     TestFragmentsOfAllOrders,
		"garbage":                       TestGarbageHurtsNobody,
		"keeps sending":                 TestCloseFrameArrivesWhileThePeerKeepsSending,
		"lengths that are impossible":   TestImpossibleLengthsAreRefused,
		"lengths that are not shortest": TestLengthsThatAreNotTheShortestAreRefused,
		"limit":                         TestMessageAtTheLimitComesBack,
		"many fragments":                TestManyFragments,
		"many messages":                 TestManyMessagesInOneWriteComeBackInOrder,
		"message inside a message":      TestNewMessageInsideAMessageIsRefused,
		"over the limit":                TestMessageOverTheLimitIsRefused,
		"ping inside a message":         TestPingInsideAMessageIsAnsweredAtOnce,
		"pings":                         TestPingsOfAllSizesAreAnswered,
		"pings in one write":            TestPingsInOneWriteAreAnsweredInOrder,
		"plain among compressed":        TestPlainMessagesInsideACompressedConnection,
		"pongs":                         TestUnsolicitedPongsAreIgnored,
		"reserved bits":                 TestReservedBitsAreRefused,
		"reserved bits later":           TestReservedBitsOnContinuationsAreRefused,
		"reserved opcodes":              TestReservedOpcodesAreRefused,
		"resets":                        TestResetHurtsNobody,
		"RSV1":                          TestRSV1OnlyOnTheFirstFrameOfAMessage,
		"sizes":                         TestMessagesOfAllSizesComeBack,
		"stray continuations":           TestStrayContinuationIsRefused,
		"text":                          TestValidTextComesBackHoweverItIsCut,
		"text anew":                     TestTextStartsAnew,
		"text that is bad":              TestInvalidTextIsRefusedHoweverItIsCut,
		"text that is bad later":        TestInvalidTextIsRefusedInsideALaterFragment,
		"text that is bad in a frame":   TestInvalidTextIsRefusedInsideAFrame,
		"text that is bad in fragments": TestInvalidTextIsRefusedBetweenFragments,
		"undecodable":                   TestUndecodableMessagesAreRefused,
		"unmasked":                      TestUnmaskedFramesAreRefused,
		"what is behind a close":        TestWhatComesAfterTheCloseIsIgnored,
		"what is before a close":        TestWhatComesBeforeTheCloseIsAnswered,
		"whole window":                  TestClientMayUseItsWholeWindow,
	} {
		t.Run(name, test)
	}
}
