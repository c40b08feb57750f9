package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy/listen"
	"github.com/letta-dev/letta-dev/proxy/policy"
	"github.com/letta-dev/letta-dev/proxy/redact"
)

// upOptions are the flags of `up`.
type upOptions struct {
	detach      bool
	dryRun      bool
	force       bool
	attach      string
	upstream    string
	image       string
	demo        bool
	files       []string
	waitTimeout time.Duration
	proxyOptions
}

// proxyOptions are the flags that `up` and `proxy` share.
type proxyOptions struct {
	listen     []string
	hosts      []string
	origins    []string
	wsUpstream string
	cert       string
	key        string
	trust      string
	exposeLAN  bool
	grace      time.Duration
	policyOptions
}

func (o *proxyOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.listen, "listen", nil, "listen on this address instead of 80, 443, 8282 and 8283; may be repeated")
	f.StringArrayVar(&o.hosts, "serve-host", nil, "serve this name too; may be repeated")
	f.StringArrayVar(&o.origins, "allow-origin", nil, "let pages of this web origin talk to the server, like https://my-app.example, and answer CORS for them; may be repeated")
	f.StringVar(&o.wsUpstream, "ws-upstream", "", "URL of a WebSocket server for upgrades, instead of the built-in bridge, like ws://127.0.0.1:4500/ws?token=...")
	f.StringVar(&o.cert, "cert", "", "certificate and chain to serve instead of ours, in PEM; followed while letta-dev runs")
	f.StringVar(&o.key, "key", "", "its key, in PEM; may be the same file")
	f.StringVar(&o.trust, "trust", "auto", "which stores get our CA: auto (those that need no other rights), none, user, all")
	f.BoolVar(&o.exposeLAN, "expose-lan", false, "allow --listen on addresses that other machines reach; the server asks nobody for a password")
	f.DurationVar(&o.grace, "grace", 10*time.Second, "how long streams may finish when the proxy stops; 0s ends them at once")
	o.policyOptions.flags(cmd)
}

func (o *upOptions) check() error {
	if err := o.proxyOptions.check("letta-dev up"); err != nil {
		return err
	}
	sources := 0
	for _, given := range []bool{o.attach != "", o.upstream != "", o.demo} {
		if given {
			sources++
		}
	}
	if sources > 1 {
		return usagef("letta-dev up --help", "--attach, --upstream and --demo each say where the server is; give one of them")
	}
	if sources == 1 && (len(o.files) > 0 || o.image != "") {
		return usagef("letta-dev up --help", "-f and --image are about a server that letta-dev starts; they do not go with --attach, --upstream or --demo")
	}
	if o.upstream != "" {
		if _, err := serverURL("letta-dev up", o.upstream); err != nil {
			return err
		}
	}
	if o.waitTimeout <= 0 {
		return usagef("letta-dev up --wait-timeout 3m", "--wait-timeout %s is not a time to wait", o.waitTimeout)
	}
	return nil
}

// check is for the command that is typed.
func (o *proxyOptions) check(command string) error {
	if err := oneOf(command, "--trust", o.trust, "auto", "none", "user", "all"); err != nil {
		return err
	}
	if o.grace < 0 {
		return usagef(command+" --grace 10s", "--grace %s is not a time to wait", o.grace)
	}
	if _, err := (listen.Config{AllowNonLoopback: o.exposeLAN}).Check(o.listen); err != nil {
		return usagef(strings.Replace(explain(err).Hint, "letta-dev up", command, 1), "--listen: %w", err)
	}
	if (o.cert == "") != (o.key == "") {
		return usagef(command+" --cert FILE --key FILE", "--cert and --key go together; one file may be both")
	}
	if o.cert != "" && (o.trust == "user" || o.trust == "all") {
		return usagef(command+" --cert FILE --key FILE  # without --trust", "--trust %s is about certificates of our own; with --cert there are none", o.trust)
	}
	if err := o.policyOptions.check(command, o.origins); err != nil || o.wsUpstream == "" {
		return err
	}
	_, err := webSocketURL(command, o.wsUpstream)
	return err
}

// serverURL reads the URL of a server started by hand. A path in it is refused: Letta does not work below one.
func serverURL(command, s string) (*url.URL, error) {
	u, err := policy.ParseServer(s, "http", "https")
	if err == nil && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery) {
		err = fmt.Errorf("%q has more than a scheme, a host and a port", redact.URL(s))
	}
	if err != nil {
		return nil, usagef(command+" --upstream "+meantServer(s), "--upstream: %w", err)
	}
	return u, nil
}

// meantServer returns the URL of a server that s most likely stands for: a port, or a host and a port, without the scheme, or with a path
// too many. It is an example where s does not tell.
func meantServer(s string) string {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		s = "127.0.0.1:" + s
	}
	hasScheme := strings.Contains(s, "://")
	if !hasScheme {
		s = "http://" + s
	}
	u, err := policy.ParseServer(s, "http", "https")
	if err != nil || !hasScheme && u.Port() == "" || quoted(u.Host) != u.Host {
		return "http://127.0.0.1:8000"
	}
	return u.Scheme + "://" + u.Host
}

// listeners are the addresses to listen on: those asked for, else the four. Only 80 and 443 need a right, and only where nobody
// asked for them by name are they dropped without it.
func (o *proxyOptions) listeners(s compose.Settings) []listenAddress {
	asked := o.listen
	if len(asked) == 0 {
		asked = s.Listeners
	}
	if len(asked) == 0 {
		return []listenAddress{{Address: "80", Optional: true}, {Address: "443", Optional: true}, {Address: "8282", WebSocket: true}, {Address: "8283"}}
	}
	var all []listenAddress
	for _, address := range asked {
		all = append(all, listenAddress{Address: address, WebSocket: address == "8282" || strings.HasSuffix(address, ":8282")})
	}
	return all
}

// portOf is the port of an address to listen on.
func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// lettaApp is the origin of Letta's web application, which may always talk to a server here: Letta itself allows it by default.
const lettaApp = "https://app.letta.com"

// serveConfig is what the serving process is told: flags, then the stack's own settings, then the defaults.
func (a *app) serveConfig(o proxyOptions, p *compose.Project, files paths) serveConfig {
	s := p.Settings
	cfg := serveConfig{
		Debug:   a.debugs(),
		Project: p.Name, Files: files, Folder: p.Dir,
		Listeners: o.listeners(s), ExposeLAN: o.exposeLAN, Grace: o.grace,
		Hosts:     unique(o.hosts, s.Hosts),
		Origins:   unique([]string{lettaApp}, o.origins, s.Origins),
		TLS:       !p.NoTLS,
		CertFile:  a.within(o.cert),
		KeyFile:   a.within(o.key),
		WebSocket: o.wsUpstream,
		Policy:    o.over(s.Policy, unique(o.origins, s.Origins)),
	}
	if cfg.WebSocket == "" {
		cfg.WebSocket = s.WebSocket.Upstream
	}
	if server := p.Server(); server != nil {
		cfg.Password = server.Environment["LETTA_SERVER_PASSWORD"]
		cfg.ServerNames = unique([]string{orchestrator.ServerName, server.Name, server.ContainerName})
	}
	return cfg
}

// ownOrigins are the https origins under which browsers see our server; Letta's own list has only the http one.
func ownOrigins(cfg serveConfig) []string {
	if !cfg.TLS {
		return nil
	}
	var all []string
	for _, host := range append([]string{"letta.localhost", "localhost"}, cfg.Hosts...) {
		if !strings.Contains(host, "*") {
			all = append(all, "https://"+host)
		}
	}
	for _, l := range cfg.Listeners {
		if port := portOf(l.Address); !l.WebSocket && port != "443" && port != "80" && port != "0" {
			all = append(all, "https://letta.localhost:"+port, "https://localhost:"+port)
		}
	}
	return all
}

func unique(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		for _, v := range list {
			if !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return all
}
