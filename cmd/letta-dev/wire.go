package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/orchestrator/demo"
	"github.com/letta-dev/letta-dev/proxy"
	"github.com/letta-dev/letta-dev/proxy/bridge"
	"github.com/letta-dev/letta-dev/proxy/policy"
	"github.com/letta-dev/letta-dev/proxy/redact"
)

// This file is the one place where services become routes: what the orchestrator follows and the certificates of certs go into the
// proxy as functions, and none of the three knows of the others.

// boundAddress is a listener as `status` shows it.
type boundAddress struct {
	Address   string `json:"address"`
	Port      int    `json:"port"`
	WebSocket bool   `json:"websocket,omitempty"`
	Missing   string `json:"missing,omitempty"` // why nothing listens there
	Hint      string `json:"hint,omitempty"`    // the command that changes that
}

// newProxy makes the proxy that serves what is followed.
func (s *serving) newProxy(ctx context.Context, group *group, listeners []proxy.Listener) (*proxy.Proxy, error) {
	certificate, err := s.certificate(ctx, group)
	if err != nil {
		return nil, err
	}
	if s.cfg.URL != "" {
		s.hint = look(s.cfg.URL, "the server behind this proxy: start it")
	}
	rest := proxy.Upstream{Name: s.targetName(), Authorities: s.authorities(), Dial: s.follower.DialREST, State: s.proxyState}
	if !s.cfg.Plain { // else nobody follows it, and the proxy asks
		rest.Doubt = s.follower.Ask
	}
	ws, err := s.webSocket(rest)
	if err != nil {
		return nil, err
	}
	config := proxy.Config{
		Listeners: listeners, Certificate: certificate, Hosts: s.cfg.Hosts, Origins: s.cfg.Origins,
		REST: rest, WebSocket: ws, Grace: grace(s.cfg.Grace), Access: s.access, Now: s.app.now,
		Policy: s.cfg.Policy, RouteUpstream: s.routeUpstream,
		Waiting: s.tellWait, AsTyped: s.typist(ctx), HandshakeFailed: s.handshake, ErrorLog: log.New(s.troubles(), "", 0),
	}
	if s.cfg.Demo != "" {
		config.Header = http.Header{demo.Header: {demo.HeaderValue}}
	}
	return proxy.New(config)
}

// typist writes commands as somebody has to type them who reads an answer of this process.
func (s *serving) typist(ctx context.Context) func(string) string {
	reader := s.app.about(ctx, s.cfg.Project)
	if s.cfg.Background { // nobody stands in its folder, so a path from there is no way
		reader.dir = ""
	}
	return reader.asTyped
}

// tellWait says why nothing seems to happen behind Ctrl-C.
func (s *serving) tellWait() {
	if !s.cfg.Background && s.cfg.Grace > 0 {
		s.app.ui.note("streams are open: waiting up to %v for them to end; Ctrl-C cuts them off", s.cfg.Grace)
	}
}

// grace is how long streams may finish, in the words of proxy.Config, where zero is the default.
func grace(asked time.Duration) time.Duration { return cmp.Or(asked, -1) }

// certificate is what answers TLS handshakes: the pair a person brought, else our own leaves, renewed while we run.
func (s *serving) certificate(ctx context.Context, group *group) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if !s.cfg.TLS {
		return nil, nil
	}
	if s.cfg.CertFile != "" {
		return s.pair(ctx, group)
	}
	keeper, err := s.app.keeper(s.cfg, s.tellRenewal)
	if err != nil {
		return nil, err
	}
	group.add(func() error { _ = keeper.Run(ctx); return nil }) // it returns ctx's error and no other
	s.leaf = func() leafInfo { return leafInfo{Names: keeper.Names(), NotAfter: keeper.NotAfter()} }
	return keeper.GetCertificate, nil
}

// tellRenewal says that a leaf was renewed, or why the old one stays.
func (s *serving) tellRenewal(r certs.Renewal) {
	until := day(r.NotAfter)
	if r.Err != nil && !r.InMemory {
		s.say(fmt.Sprint(r.Names), "the certificate for %s, until %s, stays: %s", r.Names, until, advice(r.Err))
		return
	}
	if r.Reason != "" {
		r.Reason = " because " + r.Reason
	}
	if r.InMemory {
		until += ", but only until this process ends: " + advice(r.Err)
	}
	s.say(fmt.Sprint(r.Names), "a certificate for %s came into use%s, until %s", r.Names, r.Reason, until)
}

// routeUpstream is the server of a route. Names that the Letta server has inside the engine's network mean that server, which nobody
// outside finds by them: what stands in an nginx.conf can be taken over as it is.
func (s *serving) routeUpstream(u *url.URL) proxy.Upstream {
	port, err := strconv.Atoi(u.Port())
	if s.cfg.URL != "" || u.Scheme != "http" || err != nil || u.Hostname() != s.cfg.Container && !slices.Contains(s.cfg.ServerNames, u.Hostname()) {
		return proxy.Upstream{Name: u.Host, Dial: dialURL(u), State: always(look(u.String(), "the server of this route: start it, or change the route"))}
	}
	dial := func(ctx context.Context) (net.Conn, error) { return s.follower.Dial(ctx, port) }
	if port == orchestrator.RESTPort {
		dial = s.follower.DialREST
	}
	inside := []string{net.JoinHostPort("localhost", u.Port())}
	return proxy.Upstream{Name: s.targetName(), Authorities: inside, Dial: dial, State: s.proxyState, Doubt: s.follower.Ask}
}

// authorities are what the server may call itself: the URL it was given by, or in a container the loopback it listens on there and
// its names in the engine's network.
func (s *serving) authorities() []string {
	if u, err := url.Parse(s.cfg.URL); s.cfg.URL != "" && err == nil {
		return []string{policy.Address(u)}
	}
	var all []string
	for _, name := range append([]string{"localhost", s.cfg.Container}, s.cfg.ServerNames...) {
		all = append(all, net.JoinHostPort(name, strconv.Itoa(orchestrator.RESTPort)))
	}
	return all
}

// look is advice for a server that is not ours to start.
func look(url, what string) string { return "curl -i " + redact.URL(url) + "  # that is " + what }

// always is the state of a server that nobody follows.
func always(hint string) func() (proxy.State, <-chan struct{}) {
	return func() (proxy.State, <-chan struct{}) { return proxy.State{Phase: proxy.Ready, Hint: hint}, nil }
}

// webSocket makes the three ways of port 8282.
func (s *serving) webSocket(rest proxy.Upstream) (proxy.WebSocket, error) {
	var w proxy.WebSocket
	if s.cfg.URL == "" && s.cfg.Demo != "process" {
		w.PassThrough = &proxy.Upstream{Name: s.targetName(), Dial: func(ctx context.Context) (net.Conn, error) {
			return s.follower.Dial(ctx, orchestrator.WebSocketPort)
		}}
	}
	if s.cfg.WebSocket != "" {
		u, err := webSocketURL("letta-dev up", s.cfg.WebSocket)
		if err != nil {
			return w, err
		}
		w.Upstream = webSocketUpstream(u)
	}
	w.Bridge = bridge.New(bridge.Config{
		Server:    "http://localhost",
		Transport: restTransport(rest.Dial),
		Password:  func() string { return s.cfg.Password },
	})
	return w, nil
}

// webSocketUpstream is the configured WebSocket server. A path in its URL is the one it serves, whatever path a client asks for, and
// a query is sent along. The Letta App Server wants no Origin, and its token nowhere but in Authorization, which no browser can send
// with a WebSocket: a token in the query goes there too.
func webSocketUpstream(u *url.URL) *proxy.Upstream {
	at := *u
	at.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	up := &proxy.Upstream{Name: u.Host, Authorities: []string{policy.Address(u)}, Dial: dialURL(u), State: always(look(at.String(), "the server for WebSockets: start it, or change --ws-upstream")), DropOrigin: true, Query: u.RawQuery, Bearer: u.Query().Get("token")}
	if path := u.EscapedPath(); path != "/" {
		up.Path = path
	}
	return up
}

// webSocketURL reads the URL of a WebSocket server, for the command that is typed.
func webSocketURL(command, s string) (*url.URL, error) {
	u, err := policy.ParseWebSocket(s)
	if err != nil {
		return nil, usagef(command+" --ws-upstream ws://127.0.0.1:4500", "--ws-upstream: %w", err)
	}
	return u, nil
}

// dialURL connects to a configured upstream, whose scheme says whether TLS is between.
func dialURL(u *url.URL) func(context.Context) (net.Conn, error) {
	secure, address := isSecure(u), policy.Address(u)
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := orchestrator.DialTCP(ctx, address)
		if err != nil || !secure {
			return conn, err
		}
		over := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}})
		if err := over.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return over, nil
	}
}

func isSecure(u *url.URL) bool { return u.Scheme == "wss" || u.Scheme == "https" }

// restTransport carries the bridge's requests the way the proxy's go. It sets no limit of time: an agent may think for minutes.
func restTransport(dial func(context.Context) (net.Conn, error)) http.RoundTripper {
	return &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableCompression: true,
		IdleConnTimeout:    3 * time.Second, // an attached Letta closes idle connections after 5
	}
}

// proxyState is the follower's state in the proxy's words.
func (s *serving) proxyState() (proxy.State, <-chan struct{}) {
	st, changed := s.follower.State()
	out := proxy.State{Stage: st.Stage, Since: st.Since, LastStart: s.starts.took()}
	switch st.Phase {
	case orchestrator.PhaseReady:
		out.Phase = proxy.Ready
		out.Hint = s.hint
	case orchestrator.PhaseDown:
		out.Phase = proxy.Down
		out.Cause, out.Hint = causeAndHint(st.Err)
	case orchestrator.PhaseUnhealthy:
		out.Phase = proxy.Unhealthy
		out.Cause, out.Hint = causeAndHint(st.Err)
	}
	return out, changed
}

// causeAndHint is an error for a page: its first line, for the rest is log lines, and the command that helps.
func causeAndHint(err error) (cause, hint string) {
	if err == nil {
		return "", ""
	}
	e := explain(err)
	first, _, _ := strings.Cut(e.Message, "\n")
	return first, e.Hint
}

// targetName is the server's name for people.
func (s *serving) targetName() string {
	switch {
	case s.cfg.Container != "":
		return s.cfg.Container
	case s.cfg.Demo == "process":
		return inProcessDemo
	case s.cfg.URL != "":
		return s.cfg.URL
	}
	return orchestrator.ServerName
}

func (s *serving) kind() string {
	switch {
	case s.cfg.Demo != "":
		return "demo"
	case s.cfg.Container != "":
		return "attached"
	case s.cfg.URL != "":
		return "upstream"
	}
	return "managed"
}

// live is how this process stands.
func (s *serving) live(ctx context.Context) liveStatus {
	st, _ := s.follower.State()
	l := liveStatus{
		PID: os.Getpid(), Version: version(), Started: s.started, Config: s.cfg.fingerprint(), Background: s.cfg.Background,
		Server: liveServer{Kind: s.kind(), Name: s.targetName(), Phase: string(st.Phase), Stage: st.Stage, Since: st.Since,
			Route: st.Route, Version: st.Version},
		Listeners: s.bound, URLs: withHosts(serviceURLs(s.bound, s.cfg.TLS, s.urlHost), s.cfg.Hosts), Hosts: s.cfg.Hosts, Origins: s.cfg.Origins,
		WebSocket: string(s.proxy.WebSocketMode(ctx)), Policy: s.proxy.Policy(),
	}
	if st.Container != "" {
		l.Server.Name = st.Container
	}
	l.Server.Cause, l.Server.Hint = causeAndHint(st.Err)
	if s.cfg.TLS {
		leaf := s.leaf()
		l.Certificate, l.CertFile = &leaf, s.cfg.CertFile
	}
	return l
}

// inProcessDemo is the name of the stand-in that runs in the serving process.
const inProcessDemo = "the demo server inside letta-dev"
