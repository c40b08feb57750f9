package listen

import (
	"fmt"
	"net/netip"
)

// Check reports, without binding a socket, whether all addresses can be listened on
// together. It finds every fault that does not depend on the machine. It returns the
// index of the first address at fault, with an *AddressError, *NotLoopbackError or
// *RepeatedAddressError.
func (c Config) Check(addresses []string) (int, error) {
	taken := map[netip.AddrPort]string{}
	for i, address := range addresses {
		addrs, port, err := c.resolve(address)
		if err != nil {
			return i, err
		}
		for _, addr := range addrs {
			for other, by := range taken {
				if other.Port() == uint16(port) && overlap(addr, other.Addr()) {
					return i, &RepeatedAddressError{address, by}
				}
			}
		}
		for _, addr := range addrs {
			if port != 0 { // the system picks another port for each 0
				taken[netip.AddrPortFrom(addr, uint16(port))] = address
			}
		}
	}
	return 0, nil
}

// overlap reports whether one port cannot be bound on both.
func overlap(a, b netip.Addr) bool {
	a, b = a.Unmap(), b.Unmap()
	return a == b || a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified())
}

// A RepeatedAddressError is an address that another one includes.
type RepeatedAddressError struct{ Address, Other string }

// Error names both.
func (e *RepeatedAddressError) Error() string {
	if e.Address == e.Other {
		return fmt.Sprintf("%q is there twice", e.Address)
	}
	return fmt.Sprintf("%q and %q are one address", e.Other, e.Address)
}

// Hint says that one is enough.
func (e *RepeatedAddressError) Hint() string { return "letta-dev up --listen " + e.Address }
