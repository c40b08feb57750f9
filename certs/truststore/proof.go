package truststore

import (
	"bytes"
	"cmp"
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
	"regexp"
	"sync/atomic"
	"time"

	"github.com/letta-dev/letta-dev/certs"
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
	root    certs.Root
	port    string
	marker  string
	server  *http.Server
	reached atomic.Bool // a client said hello; one that never came has refused nothing
}

func newProof(a *certs.Authority) (*proof, error) {
	leaf, err := a.Issue(certs.Names{proofHost})
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

// proven tries what the store says on a client that reads it, and believes the client. Where no client came to the
// handshake the store's own word stands, and Err says why it is no more than that.
func proven(ctx context.Context, a *certs.Authority, s Store, r Result) Result {
	client, ok := s.(prover)
	if !ok {
		return r
	}
	p, err := newProof(a)
	if err != nil {
		r.Err = err
		return r
	}
	defer p.close()
	v, err := client.prove(ctx, p)
	switch {
	case errors.Is(err, errNoClient):
		return r
	case v.known == ByHandshake && !p.reached.Load():
		err = fmt.Errorf("%s could not come to the server: %w", v.client, cmp.Or(err, errors.New("it went elsewhere")))
		r.Client, r.Err = v.client, unproven(r, err, "letta-dev certs status")
		return r
	case err == nil && r.After != Trusted:
		r.Err = unproven(r, errors.New("it holds no root of ours, but its clients accept it"), a.RemakeCommand())
	case err != nil && r.After == Trusted:
		r.After, r.Err = Partial, unproven(r, fmt.Errorf("the root is in it, but its clients refuse it: %w", err), a.RemakeCommand())
	}
	r.Known, r.Client = v.known, v.client
	return r
}

// unproven is a proof that came to something else than the store says. It has an advice of its own: the server that the
// client's command was for is gone.
func unproven(r Result, err error, advice string) error {
	return &host.Error{Doing: "prove the trust of the " + r.Store + " store", Path: r.Where, Err: err, Advice: advice}
}

const (
	browserLimit = 30 * time.Second
	browserTries = 5 // Chromium stops loading when an interface comes or goes, as each container's does that starts meanwhile
)

// browse sends a browser of Chromium's family to the server, headless and with a profile of its own. The database it
// reads is the user's, found from Home and the XDG variables. It has decided if it shows the page, or names what it has
// against the certificate, which is then the error. Its exit status does not tell: it is 0 in both cases. One that was too
// slow, or could not start, has proven nothing: the error is errNoClient.
func browse(ctx context.Context, e host.Env, p *proof, browser string) error {
	profile, err := e.Scratch("", nil)
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	argv := []string{browser, "--headless", "--disable-gpu", "--no-first-run", "--user-data-dir=" + profile, "--dump-dom"}
	if e.UID == 0 && e.Owner == nil {
		argv = append(argv, "--no-sandbox") // it refuses to start as root with one
	}
	command := host.Command{Argv: append(argv, p.url()), As: e.Owner, Stderr: true, Limit: browserLimit}
	shown, _ := e.Do(ctx, command)
	for tries := 1; bytes.Contains(shown, []byte("net::ERR_NETWORK_CHANGED")) && tries < browserTries; tries++ {
		shown, _ = e.Do(ctx, command)
	}
	if bytes.Contains(shown, []byte(p.marker)) {
		return nil
	}
	if m := regexp.MustCompile(`Page load failed: (net::ERR_CERT\w+)`).FindSubmatch(shown); m != nil {
		return fmt.Errorf("%s says %s", browser, m[1])
	}
	return errNoClient
}
