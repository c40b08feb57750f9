// Package listen binds the TCP sockets that a proxy serves.
//
// An address is a port ("8283", ":8283"), a port of localhost ("localhost:8283"),
// or an IP address with a port ("127.0.0.1:8283"). The first two forms mean both
// 127.0.0.1 and ::1, since clients try either: with one of them held by another
// program, some would reach that one instead. No resolver is asked, so any other name is
// an error.
//
// Config.Check finds what is wrong with a list of addresses before anything is
// bound; Config.Listen binds one of them, wholly or not at all:
//
//	config := listen.Config{}
//	if i, err := config.Check(addresses); err != nil {
//		return fmt.Errorf("address %d: %w", i, err)
//	}
//	bound, err := config.Listen(ctx, addresses[0])
//
// The Letta server asks for no password, so an address that other machines reach is
// refused unless Config.AllowNonLoopback is set.
//
// A machine without IPv6 gets 127.0.0.1 alone, and Bound.NoIPv6 holds the reason.
// Sockets that systemd bound for the service (see Inherited) are used instead of new
// ones, by the same rule about loopback.
//
// # Errors
//
// Each error type has a Hint: the command that repairs or explains the fault on this
// system. AddressError, NotLoopbackError and RepeatedAddressError are faults of the
// addresses. PortInUseError and PrivilegeError come from the machine. On Linux a
// PortInUseError names the process that holds the port, as far as this user may see
// it (proc(5)).
package listen
