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
	"os"
	"sync/atomic"
	"time"
)

const proofHost = "letta.localhost" // always dialled at 127.0.0.1: resolvers differ about such names

// A prover is a store that can try a TLS handshake the way its clients do. It returns who found out and how; the error
// says why the server was refused.
type prover interface {
	prove(ctx context.Context, p *proof) (verdict, error)
}

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
		return nil, &Error{Doing: "prove the trust by a handshake", Err: err}
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	p := &proof{root: a.Root(), port: port, marker: rand.Text()}
	p.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, p.marker) }),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12, GetConfigForClient: p.hello},
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that refuse are what it is for
	}
	go func() { _ = p.server.ServeTLS(listener, "", "") }() // ends with close
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

// prove asks curl with the system's bundle, or the TLS client of Go where there is none.
func (s *systemStore) prove(ctx context.Context, p *proof) (verdict, error) {
	curl, ok := s.env.find("curl")
	if !ok {
		return s.proveHere(ctx, p)
	}
	v := verdict{"curl", ByHandshake}
	answer, err := s.env.do(ctx, Command{Argv: []string{
		curl, "-q", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "5",
		"--cacert", s.bundle(), "--resolve", proofHost + ":" + p.port + ":127.0.0.1", p.url()}})
	if err != nil {
		return v, err
	}
	return v, p.confirm("curl", answer)
}

func (s *systemStore) proveHere(ctx context.Context, p *proof) (verdict, error) {
	bundle, err := os.ReadFile(s.bundle())
	if err != nil {
		return verdict{"letta-dev", ByHandshake}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	return p.get(ctx, roots)
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

func (k *keychain) prove(ctx context.Context, p *proof) (verdict, error) { return p.get(ctx, nil) }

func (w *windowsStore) prove(ctx context.Context, p *proof) (verdict, error) { return p.get(ctx, nil) }

// prove asks tstclnt, the TLS client of the NSS tools, with the database; where it is not installed certutil says
// whether the root is a valid issuer of servers.
func (s *nssStore) prove(ctx context.Context, p *proof) (verdict, error) {
	for _, name := range []string{"tstclnt", "/usr/lib64/nss/unsupported-tools/tstclnt"} { // the latter: Red Hat
		if client, ok := s.env.find(name); ok {
			_, err := s.env.do(ctx, Command{As: s.env.Owner, Limit: 10 * time.Second, Argv: []string{
				client, "-4", "-Q", "-h", "127.0.0.1", "-a", proofHost, "-p", p.port, "-d", "sql:" + s.dir}})
			return verdict{"tstclnt", ByHandshake}, err
		}
	}
	v := verdict{"certutil", ByTool}
	found, err := s.found(ctx, p.root)
	for _, entry := range found {
		if p.root.is(entry.certificate) {
			_, err := s.env.do(ctx, s.certutil("-V", "-u", "L", "-n", entry.nickname))
			return v, err
		}
	}
	return v, errors.Join(err, errors.New("the root is not in the database"))
}
