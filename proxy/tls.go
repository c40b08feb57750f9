package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// A HandshakeFailure is a TLS handshake that came to nothing for a reason that
// can be told. A client that just goes away is none: browsers do that with
// connections they opened in advance, and scanners with all.
type HandshakeFailure struct {
	Client string // its address
	// Untrusted says that the client refused our certificate, with an alert of
	// RFC 8446, section 6.2: most often it does not know who signed it.
	Untrusted bool
	// Cause is printable ASCII of bounded length.
	Cause string
}

func (p *Proxy) tlsConfig() *tls.Config {
	if p.config.Certificate == nil {
		return nil
	}
	return &tls.Config{
		GetCertificate: p.config.Certificate,
		MinVersion:     tls.VersionTLS12,
		// http/1.1 must stay: browsers open a connection of their own for wss. curl --http1.0 offers http/1.0 alone.
		NextProtos: []string{"h2", "http/1.1", "http/1.0"},
	}
}

// startTLS makes a connection a TLS one within a time. net/http would do so too,
// and tell nobody but a log why it failed.
func startTLS(c *conn, config *tls.Config, limit time.Duration, failed func(HandshakeFailure)) (*tls.Conn, error) {
	secure := tls.Server(c, config)
	c.heard = &alertRecord{}
	c.SetDeadline(time.Now().Add(limit))
	err := secure.Handshake()
	c.SetDeadline(time.Time{})
	if err != nil {
		if err = c.heard.instead(err); !leftUs(err) {
			failed(failureOf(c.RemoteAddr(), err))
		}
	}
	c.heard = nil
	return secure, err
}

// An alertRecord is the last seven bytes of a client, which may be an alert in the
// clear. OpenSSL sends those about certificates like that in TLS 1.3, and to
// crypto/tls they are records with a wrong MAC (tlsfuzzer/tlslite-ng#344).
type alertRecord []byte

func (r *alertRecord) note(b []byte) {
	const size = 7
	*r = append(*r, b[max(0, len(b)-size):]...)
	*r = (*r)[max(0, len(*r)-size):]
}

// instead returns the alert where crypto/tls took it for something else.
func (r alertRecord) instead(err error) error {
	const alert, fatal = 21, 2 // RFC 8446, sections 5.1 and 6
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "local error" && len(r) == 7 && r[0] == alert && r[3] == 0 && r[4] == 2 && r[5] == fatal {
		return &net.OpError{Op: "remote error", Err: tls.AlertError(r[6])}
	}
	return err
}

// leftUs reports whether a handshake ended without a word from the client, or because we stop.
func leftUs(err error) bool {
	return isReset(err) || slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrDeadlineExceeded},
		func(end error) bool { return errors.Is(err, end) })
}

// failureOf puts an error of crypto/tls into words that are safe for a log: some
// of its own are the client's.
func failureOf(client net.Addr, err error) HandshakeFailure {
	const limit = 200
	f := HandshakeFailure{Client: client.String()}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" { // an alert
		err = op.Err
		f.Untrusted = slices.ContainsFunc(certificateAlerts(), func(a tls.AlertError) bool { return a.Error() == err.Error() })
	}
	f.Cause = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.TrimPrefix(err.Error(), "tls: "))
	if len(f.Cause) > limit {
		f.Cause = f.Cause[:limit] + "..."
	}
	return f
}

// certificateAlerts are the alerts of RFC 8446, section 6.2, about a certificate.
// crypto/tls keeps their type to itself, so they are told by their words.
func certificateAlerts() []tls.AlertError {
	return []tls.AlertError{
		42, // bad_certificate
		43, // unsupported_certificate
		44, // certificate_revoked
		45, // certificate_expired
		46, // certificate_unknown
		48, // unknown_ca
	}
}
