package orchestrator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/crash"
)

// dialTime bounds one attempt to connect. Everything dialled is this machine or its engine.
const dialTime = 3 * time.Second

// route is one way to reach a port of a server.
type route struct {
	name string // for people: 172.17.0.2, 127.0.0.1:49153, exec
	dial func(ctx context.Context, port int) (net.Conn, error)
}

// routes are the ways to reach a container, the cheapest first: its own address where the engine is a local Linux one, the port
// published on this machine's loopback, and a stream through the engine, which works everywhere and costs a process each.
func routes(e Engine, info EngineInfo, c Container) []route {
	var ways []route
	if info.Direct {
		for _, a := range c.Addresses {
			ways = append(ways, addressRoute(a))
		}
	}
	if info.Local {
		ways = append(ways, publishedRoute(c))
	}
	return append(ways, execRoute(e, c))
}

func addressRoute(a netip.Addr) route {
	return route{a.String(), func(ctx context.Context, port int) (net.Conn, error) {
		return dialTCP(ctx, netip.AddrPortFrom(a, uint16(port)).String())
	}}
}

// errNotPublished says that a port cannot be reached by publishing because it is not published.
var errNotPublished = errors.New("the port is not published on this machine")

func publishedRoute(c Container) route {
	return route{"published", func(ctx context.Context, port int) (net.Conn, error) {
		for _, p := range c.Published {
			if p.Port == port && p.Protocol == "tcp" {
				ip := p.HostIP
				if ip.IsUnspecified() {
					ip = netip.MustParseAddr("127.0.0.1")
				}
				return dialTCP(ctx, netip.AddrPortFrom(ip, uint16(p.HostPort)).String())
			}
		}
		return nil, errNotPublished
	}}
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return DialTCP(ctx, address)
}

// DialTCP connects to a host and port. A name in .localhost is both addresses of the loopback, whatever the resolver says (RFC 6761,
// section 6.3): a hosts file may have it for one, and Go looks others up in the DNS. The order is that of RFC 6724, as in curl and
// browsers; the error names both.
func DialTCP(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	host, port, err := net.SplitHostPort(address)
	if err != nil || !IsLocalhost(host) {
		return d.DialContext(ctx, "tcp", address)
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", port))
	if err == nil {
		return conn, nil
	}
	conn, err4 := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err4 != nil {
		return nil, fmt.Errorf("%w; %w", err, err4)
	}
	return conn, nil
}

// IsLocalhost reports whether a host is localhost or a name below it.
func IsLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// relay is a command that connects its standard streams to a port of the container's loopback: letta-dev itself in the image it
// made for the demo, else Python, which every Letta image has.
func relay(c Container, port int) []string {
	const python = `import os,socket,sys,threading
s=socket.create_connection(("127.0.0.1",int(sys.argv[1])))
def up():
    while b:=os.read(0,65536): s.sendall(b)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up,daemon=True).start()
while b:=s.recv(65536): os.write(1,b)`
	p := strconv.Itoa(port)
	if IsDemoImage(c.Image) {
		return []string{"/letta-dev", "demo-dial", p}
	}
	return []string{"python3", "-c", python, p}
}

// DemoImage is the repository of the images that letta-dev makes from its own executable.
const DemoImage = "localhost/letta-dev-demo"

// IsDemoImage says whether a reference is of such an image.
func IsDemoImage(ref string) bool { return strings.HasPrefix(ref, DemoImage+":") }

// IsDemo reports whether an image is the one that letta-dev made under that reference, whose tag is the beginning of the hash. Anybody
// can give the name to another image.
func (i Image) IsDemo(ref string) bool {
	tag, named := strings.CutPrefix(ref, DemoImage+":")
	return named && tag != "" && strings.HasPrefix(i.Demo, tag)
}

// execName is the name of the route through the engine.
const execName = "exec"

func execRoute(e Engine, c Container) route {
	return route{execName, func(ctx context.Context, port int) (net.Conn, error) {
		return execConn(ctx, e, c.ID, relay(c, port))
	}}
}

// execConn is a connection whose bytes travel through a command in the container. It connects lazily: a relay that cannot start
// shows as an end of file.
func execConn(ctx context.Context, e Engine, container string, argv []string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the connection outlives the dial
	go func() {
		defer crash.Recover()
		defer cancel()
		defer far.Close()
		// What it would tell of itself has no place in the stream; its end is the connection's.
		_, _ = e.Exec(ctx, container, argv, far, far, io.Discard)
	}()
	return &pipeConn{Conn: near, end: cancel}, nil
}

type pipeConn struct {
	net.Conn
	end context.CancelFunc
}

func (c *pipeConn) Close() error {
	c.end()
	return c.Conn.Close()
}

// overTLS ends TLS with a server that speaks it itself (LOCAL_HTTPS). Its certificate is not checked: the bytes never leave this
// machine and its engine, and the certificate that Letta ships is signed by a key nobody here trusts.
func overTLS(dial func(context.Context, int) (net.Conn, error)) func(context.Context, int) (net.Conn, error) {
	return func(ctx context.Context, port int) (net.Conn, error) {
		conn, err := dial(ctx, port)
		if err != nil {
			return nil, err
		}
		return handshake(ctx, conn, &tls.Config{InsecureSkipVerify: true})
	}
}

func handshake(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	config.NextProtos = []string{"http/1.1"}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	t := tls.Client(conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return t, nil
}

// dialURL connects to a server started by hand, ending TLS where its URL says https. The certificate of a server on this machine's
// loopback is not checked: its bytes do not leave the machine.
func dialURL(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[u.Scheme == "https"]
	}
	conn, err := dialTCP(ctx, net.JoinHostPort(u.Hostname(), port))
	if err != nil || u.Scheme != "https" {
		return conn, err
	}
	return handshake(ctx, conn, &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: isLoopback(u.Hostname())})
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || IsLocalhost(host)
}
