package proxy

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. It decides nothing but
// when a hanging test fails.
const patience = 20 * time.Second

// rig is a running proxy on real sockets, with a real server behind it.
type rig struct {
	t        *testing.T
	proxy    *Proxy
	addr     string // the REST listener
	wsAddr   string // the WebSocket listener
	roots    *x509.CertPool
	accesses chan Access
	stop     func() error // stops the proxy and returns what Serve returned
}

// start runs a proxy in front of handler. change may alter its Config, tune the
// proxy before it serves.
func start(t *testing.T, handler http.Handler, change func(*Config), tune ...func(*Proxy)) *rig {
	t.Helper()
	upstream := httptest.NewServer(handler)
	t.Cleanup(upstream.Close)
	return startAt(t, upstream.Listener.Addr().String(), change, tune...)
}

func startAt(t *testing.T, upstream string, change func(*Config), tune ...func(*Proxy)) *rig {
	t.Helper()
	leaf, roots := testLeaf(t)
	rest, ws := listenLoopback(t), listenLoopback(t)
	g := &rig{t: t, addr: rest.Addr().String(), wsAddr: ws.Addr().String(), roots: roots, accesses: make(chan Access, 1000)}
	config := Config{
		Listeners:   []Listener{{Listener: rest}, {Listener: ws, WebSocket: true}},
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return leaf, nil },
		Origins:     []string{"https://app.letta.com"},
		REST:        Upstream{Name: "letta-server:8283", Dial: dialer(upstream)},
		Access:      func(a *Access) { g.accesses <- *a },
		Grace:       patience,
	}
	if change != nil {
		change(&config)
	}
	p, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tune {
		f(p)
	}
	g.proxy = p
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx) }()
	g.stop = sync.OnceValue(func() error { cancel(); return <-served })
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return g
}

func listenLoopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
}

// nobody is the address of a port that nothing listens on.
func nobody(t *testing.T) string {
	t.Helper()
	l := listenLoopback(t)
	l.Close()
	return l.Addr().String()
}

func testLeaf(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost", "letta.localhost", "*.letta.localhost", "evil.example"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

// A wire is one way to speak to the proxy.
type wire struct {
	name   string
	scheme string
	proto  string
	client *http.Client
}

// wires returns clients for the three wires; whatever the name in a URL, they
// connect to addr.
func (g *rig) wires(addr string) []wire {
	client := func(h2 bool) *http.Client {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!h2)
		protocols.SetHTTP2(h2)
		transport := &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer(addr)(ctx) },
			TLSClientConfig:    &tls.Config{RootCAs: g.roots},
			Protocols:          protocols,
			DisableCompression: true,
		}
		g.t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{
			Transport:     transport,
			Timeout:       patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return []wire{
		{"http1", "http", "HTTP/1.1", client(false)},
		{"https1", "https", "HTTP/1.1", client(false)},
		{"https2", "https", "HTTP/2.0", client(true)},
	}
}

// each runs a test over every wire of the REST listener.
func (g *rig) each(t *testing.T, test func(t *testing.T, w wire)) {
	t.Helper()
	for _, w := range g.wires(g.addr) {
		t.Run(w.name, func(t *testing.T) { test(t, w) })
	}
}

// request builds a request from "Name: value" lines. Host and Origin are fields
// as any other.
func (w wire) request(t *testing.T, method, target string, body io.Reader, fields ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, w.scheme+"://letta.localhost"+target, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Add(name, value)
		}
	}
	return r
}

// do sends a request and reads the whole answer.
func (w wire) do(t *testing.T, method, target string, body io.Reader, fields ...string) (*http.Response, string) {
	t.Helper()
	res, err := w.client.Do(w.request(t, method, target, body, fields...))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Proto != w.proto {
		t.Fatalf("spoke %s, want %s", res.Proto, w.proto)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// access returns the next access record.
func (g *rig) access(t *testing.T) Access {
	t.Helper()
	select {
	case a := <-g.accesses:
		return a
	case <-time.After(patience):
		t.Fatal("no access record")
		return Access{}
	}
}

// raw opens a connection, over TLS if asked, for tests that write bytes.
func (g *rig) raw(t *testing.T, addr string, encrypted bool) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if encrypted {
		c = tls.Client(c, &tls.Config{RootCAs: g.roots, ServerName: "letta.localhost", NextProtos: []string{"http/1.1"}})
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

// say writes bytes and reads one response.
func (g *rig) say(t *testing.T, encrypted bool, bytes string) *http.Response {
	t.Helper()
	c := g.raw(t, g.addr, encrypted)
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(bytes, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// errorIn decodes the JSON envelope.
func errorIn(t *testing.T, body string) errorBody {
	t.Helper()
	var e envelope
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("no envelope in %q: %v", body, err)
	}
	return e.Error
}

// echo answers with what it got: the request line, Host and fields, as JSON.
func echo() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		json.NewEncoder(w).Encode(heard{r.Method, r.RequestURI, r.Host, r.Header, r.Trailer, string(body)})
	})
}

type heard struct {
	Method, Target, Host string
	Header, Trailer      http.Header
	Body                 string
}

func hear(t *testing.T, body string) heard {
	t.Helper()
	var h heard
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		t.Fatalf("the upstream did not answer: %q", body)
	}
	return h
}
