package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// A thousand connections at rest, half of them never used, keep nobody from being served, hold one goroutine each, and end with
// the proxy at once.
func TestThousandIdleConnections(t *testing.T) {
	g := start(t, echo(), func(c *Config) { c.Access = nil }, func(p *Proxy) { p.limits.head = patience })
	const idle = 1000
	before := runtime.NumGoroutine()
	all := make([]net.Conn, idle)
	for i := range all {
		all[i] = g.raw(t, g.addr, false)
		if i%2 == 0 {
			continue
		}
		io.WriteString(all[i], get(""))
		if _, err := http.ReadResponse(bufio.NewReader(all[i]), nil); err != nil {
			t.Fatal(err)
		}
	}
	g.each(t, func(t *testing.T, w wire) {
		for range 20 {
			if res, _ := w.do(t, "POST", "/", nil); res.StatusCode != 200 {
				t.Errorf("status %d", res.StatusCode)
			}
		}
	})
	if more := runtime.NumGoroutine() - before; more > idle+100 {
		t.Errorf("%d connections hold %d goroutines", idle, more)
	}
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	for _, c := range all {
		if _, err := io.Copy(io.Discard, c); isTimeout(err) {
			t.Fatal("a connection stays open behind the stop")
		}
	}
}

// The Host decides, and not the name in the handshake: that one chose the certificate, which is all it is for. A client may
// ask for several of our names on one connection (RFC 9110, section 7.4; RFC 9113, section 9.1.1).
func TestHostThatIsNotTheServerName(t *testing.T) {
	g := start(t, echo(), nil)
	for _, w := range g.wires(g.addr)[1:] {
		for name, c := range map[string]struct {
			sni, host string
			want      int
		}{
			"two names of ours":      {"letta.localhost", "localhost", 200},
			"one below the other":    {"letta.localhost", "a.letta.localhost:8283", 200},
			"a foreign handshake":    {"evil.example", "letta.localhost", 200},
			"a foreign Host":         {"letta.localhost", "evil.example", 404},
			"foreign, both the same": {"evil.example", "evil.example", 404},
		} {
			w.client.Transport.(*http.Transport).TLSClientConfig.ServerName = c.sni
			res, body := w.do(t, "GET", "/", nil, "Host: "+c.host)
			if res.StatusCode != c.want || res.TLS.ServerName != c.sni {
				t.Errorf("%s, %s: %d, want %d; SNI %q", w.name, name, res.StatusCode, c.want, res.TLS.ServerName)
			}
			if c.want == 200 && hear(t, body).Header.Get("X-Forwarded-Host") != c.host {
				t.Errorf("%s, %s: the upstream heard of %s", w.name, name, body)
			}
			w.client.CloseIdleConnections() // a connection per name
		}
	}
}

// While the certificate is exchanged, again and again, no request fails, and a stream that began before goes on.
func TestCertificateIsExchangedUnderLoad(t *testing.T) {
	const exchanges = 20
	var leaf atomic.Pointer[tls.Certificate]
	shown := make(chan *tls.Certificate, 1000)
	next := make(chan struct{})
	g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			return
		}
		for range exchanges {
			io.WriteString(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			<-next
		}
	}), func(c *Config) {
		first, _ := c.Certificate(nil)
		leaf.Store(first)
		c.Access = nil
		c.Certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			now := leaf.Load()
			select {
			case shown <- now:
			default: // nobody looks
			}
			return now, nil
		}
	})
	leaves := make([]*tls.Certificate, exchanges)
	for i := range leaves {
		leaves[i], _ = testLeaf(t)
		g.roots.AddCert(leaves[i].Leaf)
	}
	streams := make([]*http.Response, 3)
	for i, w := range g.wires(g.addr) {
		res, err := w.client.Do(w.request(t, "GET", "/stream", nil))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		streams[i] = res
	}
	over := make(chan struct{})
	var clients sync.WaitGroup
	for _, w := range append(g.wires(g.addr)[1:], g.wires(g.addr)[1:]...) {
		w.client.Transport.(*http.Transport).DisableKeepAlives = true // a handshake for each
		clients.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				res, err := w.client.Do(w.request(t, "GET", "/", nil))
				if err != nil || res.StatusCode != 200 {
					t.Errorf("%s: %v", w.name, err)
					continue
				}
				res.Body.Close()
			}
		})
	}
	for _, another := range leaves {
		leaf.Store(another)
		for <-shown != another { // until a client has seen it
		}
		for range streams {
			next <- struct{}{}
		}
	}
	close(over)
	clients.Wait()
	for _, res := range streams {
		if got, err := io.ReadAll(res.Body); err != nil || len(got) != exchanges*len("data: 1\n\n") {
			t.Errorf("a stream: %d bytes, %v", len(got), err)
		}
	}
}
