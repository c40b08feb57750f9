package proxy

import (
	"bytes"
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framer speaks HTTP/2 frame by frame, so that it can say what no library would.
type framer struct {
	*http2.Framer
	t       *testing.T
	close   func() error
	encoder *hpack.Encoder
	fields  bytes.Buffer // what the encoder wrote
}

// frames opens an HTTP/2 connection and sends the preface.
func (g *rig) frames(t *testing.T) *framer { return g.framesTo(t, g.addr) }

func (g *rig) framesTo(t *testing.T, addr string) *framer {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: g.roots, ServerName: "letta.localhost", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	f := &framer{Framer: http2.NewFramer(c, c), t: t, close: c.Close}
	f.encoder = hpack.NewEncoder(&f.fields)
	f.AllowIllegalWrites = true
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f
}

// head writes a HEADERS frame of "name: value" lines.
func (f *framer) head(stream uint32, end bool, lines ...string) {
	f.t.Helper()
	f.fields.Reset()
	for _, line := range lines {
		at := strings.Index(line[1:], ": ") + 1 // a pseudo-header's name begins with a colon
		if err := f.encoder.WriteField(hpack.HeaderField{Name: line[:at], Value: line[at+2:]}); err != nil {
			f.t.Fatal(err)
		}
	}
	f.block(stream, end, f.fields.Bytes())
}

// block writes a header block in as many frames as it needs.
func (f *framer) block(stream uint32, end bool, block []byte) {
	const most = 16 << 10
	first := block[:min(len(block), most)]
	rest := block[len(first):]
	// The connection may be closed already: the outcome tells.
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndStream: end, EndHeaders: len(rest) == 0})
	for len(rest) > 0 {
		n := min(len(rest), most)
		_ = f.WriteContinuation(stream, n == len(rest), rest[:n])
		rest = rest[n:]
	}
}

// outcome returns the status that answers a stream, "reset" where it was reset, and "closed" where the connection was.
func (f *framer) outcome(stream uint32) string {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return "closed"
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if frame.StreamID == stream {
				return frame.PseudoValue("status")
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return "reset"
			}
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeNo {
				return "closed"
			}
		}
	}
}

// A streamEnd is how an answer came, and how it ended.
type streamEnd struct {
	status string
	body   string
	end    string // "whole", "closed" for the connection, or the code of a reset
}

// answer returns the answer to a stream.
func (f *framer) answer(stream uint32) (got streamEnd) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			got.end = "closed"
			return got
		}
		if frame.Header().StreamID != stream {
			continue
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if status := frame.PseudoValue("status"); status != "" { // else it is the trailer
				got.status = status
			}
		case *http2.DataFrame:
			got.body += string(frame.Data())
		case *http2.RSTStreamFrame:
			got.end = frame.ErrCode.String()
			return got
		}
		if frame.Header().Flags.Has(http2.FlagDataEndStream) && frame.Header().Type != http2.FrameRSTStream {
			got.end = "whole"
			return got
		}
	}
}

// resetAfter returns the code of a reset that comes behind an answer, before the answer to a PING; "" for none.
func (f *framer) resetAfter(stream uint32) string {
	if err := f.WritePing(false, [8]byte{}); err != nil {
		f.t.Error(err)
	}
	for {
		switch frame, err := f.ReadFrame(); frame := frame.(type) {
		case nil:
			return err.Error()
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return frame.ErrCode.String()
			}
		case *http2.PingFrame:
			if frame.IsAck() {
				return ""
			}
		}
	}
}

// pseudo returns the four pseudo-header fields of a request, and what follows.
func pseudo(method, path string, more ...string) []string {
	return append([]string{":method: " + method, ":scheme: https", ":authority: letta.localhost", ":path: " + path}, more...)
}
