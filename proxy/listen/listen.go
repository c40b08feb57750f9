package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// Config says which sockets may be bound, and binds them. Its zero value is ready to use.
type Config struct {
	// AllowNonLoopback lets other machines in. Without it an address off loopback
	// is refused: the Letta server asks for no password.
	AllowNonLoopback bool
	// Inherited are sockets bound before we started (see Inherited). One of the
	// right port is used instead of a new one.
	Inherited []net.Listener
}

// Bound is what Listen bound for one address.
type Bound struct {
	Port      int // the real one, where 0 was asked for
	Listeners []net.Listener
	// NoIPv6 is why ::1 is not among them: this machine has no IPv6.
	NoIPv6 error
	// Inherited says that the sockets were handed over.
	Inherited bool
}

// Listen binds an address: "8283", ":8283" and "localhost:8283" mean 127.0.0.1
// and ::1, "127.0.0.1:8283" that address alone. All of it is bound, or nothing.
// Errors are *AddressError, *NotLoopbackError, *PortInUseError, *PrivilegeError
// or a *net.OpError.
func (c Config) Listen(ctx context.Context, address string) (Bound, error) {
	addrs, port, err := c.resolve(address)
	if err != nil {
		return Bound{}, err
	}
	if b, err := c.inherited(port); err != nil || b.Inherited {
		return b, err
	}
	b := Bound{Port: port}
	for _, addr := range addrs {
		l, err := bind(ctx, netip.AddrPortFrom(addr, uint16(b.Port)))
		if err != nil && addr == netip.IPv6Loopback() && len(addrs) > 1 && noIPv6(err) {
			b.NoIPv6 = err
			continue
		}
		if err != nil {
			return Bound{}, errors.Join(err, closeListeners(b.Listeners))
		}
		b.Port = l.Addr().(*net.TCPAddr).Port
		b.Listeners = append(b.Listeners, l)
	}
	return b, nil
}

// resolve parses an address without asking a resolver.
func (c Config) resolve(address string) ([]netip.Addr, int, error) {
	host, portText := "", address
	if _, err := strconv.Atoi(address); err != nil {
		if host, portText, err = net.SplitHostPort(address); err != nil {
			return nil, 0, &AddressError{address}
		}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, 0, &AddressError{address}
	}
	if host == "" || strings.ToLower(host) == "localhost" { // EqualFold would take a long s (U+017F) for an s
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, int(port), nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil, 0, &AddressError{address}
	}
	if !addr.IsLoopback() && !c.AllowNonLoopback {
		return nil, 0, &NotLoopbackError{address}
	}
	return []netip.Addr{addr}, int(port), nil
}

func (c Config) inherited(port int) (Bound, error) {
	b := Bound{Port: port}
	for _, l := range c.Inherited {
		addr, ok := l.Addr().(*net.TCPAddr)
		if !ok || addr.Port != port {
			continue
		}
		if !addr.IP.IsLoopback() && !c.AllowNonLoopback {
			return Bound{}, &NotLoopbackError{addr.String()}
		}
		b.Inherited = true
		b.Listeners = append(b.Listeners, l)
	}
	return b, nil
}

func bind(ctx context.Context, addr netip.AddrPort) (net.Listener, error) {
	network := "tcp4"
	if addr.Addr().Is6() {
		network = "tcp6"
	}
	l, err := new(net.ListenConfig).Listen(ctx, network, addr.String())
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, errInUse):
		return nil, &PortInUseError{Addr: addr, Holder: holderOf(addr), err: err}
	case errors.Is(err, errDenied):
		return nil, &PrivilegeError{Addr: addr, err: err}
	}
	return nil, err
}

func noIPv6(err error) bool {
	return errors.Is(err, errNoFamily) || errors.Is(err, errNoAddress)
}

func closeListeners(ls []net.Listener) error {
	var errs []error
	for _, l := range ls {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Inherited takes over the sockets that systemd hands to a service (LISTEN_FDS).
// It removes the variables from the environment, so only the first call returns any.
// The caller closes the sockets that Listen did not use.
func Inherited() ([]net.Listener, error) {
	all, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("taking over the sockets of systemd: %w", err)
	}
	var ls []net.Listener
	for _, l := range all {
		if l != nil { // a descriptor that is no stream socket
			ls = append(ls, l)
		}
	}
	return ls, nil
}
