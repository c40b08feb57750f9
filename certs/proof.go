package certs

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/letta-dev/letta-dev/certs/host"
	"github.com/letta-dev/letta-dev/crash"
)

const proofHost = "letta.localhost" // always dialled at 127.0.0.1: resolvers differ about such names

// A prover is a store that can try a TLS handshake the way its clients do. It returns who found out and how; the error
// says why the server was refused.
type prover interface {
	prove(ctx context.Context, p *proof) (verdict, error)
}

// errNoClient says that there is nobody here to try: what the store says has to do.
var errNoClient = errors.New("no client to try it with")

// A verdict is who says whether a store's clients accept a server, and how they know.
type verdict struct {
	client string
	known  Evidence
}

// A proof is a TLS server on a loopback port with a throw-away leaf. It answers every request with marker.
type proof struct {
	root    Root
	port    string
	marker  string
	server  *http.Server
	reached atomic.Bool // a client said hello; one that never came has refused nothing
}

func newProof(a *Authority) (*proof, error) {
	leaf, err := a.Issue(Names{proofHost})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, &host.Error{Doing: "prove the trust by a handshake", Err: err}
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	p := &proof{root: a.Root(), port: port, marker: rand.Text()}
	p.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, p.marker) }),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12, GetConfigForClient: p.hello},
		ReadHeaderTimeout: host.CommandLimit,          // a JVM on a busy machine takes seconds for its handshake; its own limit and close come first
		ErrorLog:          log.New(io.Discard, "", 0), // clients that refuse are what it is for
	}
	go func() {
		defer crash.Recover()
		_ = p.server.ServeTLS(listener, "", "") // ends with close
	}()
	return p, nil
}

func (p *proof) hello(*tls.ClientHelloInfo) (*tls.Config, error) {
	p.reached.Store(true)
	return nil, nil // the server's own
}

func (p *proof) url() string { return "https://" + net.JoinHostPort(proofHost, p.port) + "/" }

func (p *proof) close() { _ = p.server.Close() }

// confirm tells whether a client has really been served by us.
func (p *proof) confirm(client string, answer []byte) error {
	if !bytes.Contains(answer, []byte(p.marker)) {
		return fmt.Errorf("%s reached something else than the server it was tried on", client)
	}
	return nil
}

// get asks with Go's client. Without roots it takes the platform's: on macOS and Windows that is a question to the
// system itself, each time.
func (p *proof) get(ctx context.Context, roots *x509.CertPool) (verdict, error) {
	answer, err := p.answer(ctx, roots)
	if err == nil {
		err = p.confirm("the TLS client", answer)
	}
	return verdict{"letta-dev", ByHandshake}, err
}

func (p *proof) answer(ctx context.Context, roots *x509.CertPool) ([]byte, error) {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", p.port))
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url(), nil)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, 1024))
}
