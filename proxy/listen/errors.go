package listen

import (
	"fmt"
	"net/netip"
	"strings"
)

// An AddressError is text that names no address to listen on.
type AddressError struct{ Address string }

// Error quotes the address.
func (e *AddressError) Error() string {
	return fmt.Sprintf("%q is not an address to listen on", e.Address)
}

// Hint shows the form.
func (e *AddressError) Hint() string { return "letta-dev up --listen 127.0.0.1:8283" }

// A NotLoopbackError is an address that other machines could reach.
type NotLoopbackError struct{ Address string }

// Error says why the address is refused.
func (e *NotLoopbackError) Error() string {
	return fmt.Sprintf("%q is reachable from other machines, and the Letta server asks for no password", e.Address)
}

// Hint is the command with the flag that allows it.
func (e *NotLoopbackError) Hint() string {
	return "letta-dev up --expose-lan --listen " + e.Address
}

// A PortInUseError is a port that another process listens on.
type PortInUseError struct {
	Addr   netip.AddrPort
	Holder *Process // nil when it could not be found out
	err    error
}

// Process is a process that holds a port.
type Process struct {
	PID      int    // 0 where only its user is known
	Command  string // its name as the kernel keeps it, at most 15 bytes on Linux
	User     string // another than this process's; else empty
	LettaDev int    // where the PID is not known: that of a letta-dev of the user; 0 if there is none
}

// Error names the holder of the port where it could be found out.
func (e *PortInUseError) Error() string {
	switch h := e.Holder; {
	case h == nil:
		return fmt.Sprintf("%s is in use by another process", e.Addr)
	case h.PID == 0 && h.LettaDev != 0:
		return fmt.Sprintf("%s is in use by a process of user %s, where letta-dev runs as pid %d", e.Addr, h.User, h.LettaDev)
	case h.PID == 0:
		return fmt.Sprintf("%s is in use by a process of user %s", e.Addr, h.User)
	case h.User != "":
		return fmt.Sprintf("%s is in use by %s of user %s (pid %d)", e.Addr, h.Command, h.User, h.PID)
	}
	return fmt.Sprintf("%s is in use by %s (pid %d)", e.Addr, e.Holder.Command, e.Holder.PID)
}

// Unwrap returns the system's error.
func (e *PortInUseError) Unwrap() error { return e.err }

// Hint frees the port, or finds out who holds it.
func (e *PortInUseError) Hint() string {
	switch {
	case e.Holder != nil && e.Holder.LettaDev != 0:
		return fmt.Sprintf("%s  # who it is; to end that letta-dev: sudo kill %d", holderCommand(e.Addr.Port()), e.Holder.LettaDev)
	case e.Holder == nil || e.Holder.PID == 0:
		return holderCommand(e.Addr.Port())
	case strings.HasPrefix(e.Holder.Command, "docker-pr"), e.Holder.Command == "rootlessport":
		return fmt.Sprintf("docker ps --filter publish=%d", e.Addr.Port())
	}
	return fmt.Sprintf("kill %d", e.Holder.PID)
}

// A PrivilegeError is a port below 1024 that this user may not bind.
type PrivilegeError struct {
	Addr netip.AddrPort
	err  error
}

// Error names the address.
func (e *PrivilegeError) Error() string {
	return fmt.Sprintf("%s needs a right that this user does not have", e.Addr)
}

// Unwrap returns the system's error.
func (e *PrivilegeError) Unwrap() error { return e.err }

// Hint is the exact command that allows it.
func (e *PrivilegeError) Hint() string { return privilegeCommand(e.Addr.Port()) }
