package model

import (
	"fmt"
	"net"
)

// BridgeAddr returns an address for [Start] that containers reach: the IPv4 address of the engine's bridge on this
// machine, with port 0. The engine knows the bridge's name as the option com.docker.network.bridge.name of its network
// "bridge" (docker0, unless told otherwise); its IPAM settings need not name the gateway.
func BridgeAddr(name string) (string, error) {
	bridge, err := net.InterfaceByName(name)
	if err != nil {
		return "", fmt.Errorf("find the engine's bridge %q: %w", name, err)
	}
	addrs, err := bridge.Addrs()
	if err != nil {
		return "", fmt.Errorf("find the address of the engine's bridge %q: %w", name, err)
	}
	for _, addr := range addrs {
		if ip, ok := addr.(*net.IPNet); ok && ip.IP.To4() != nil {
			return net.JoinHostPort(ip.IP.String(), "0"), nil
		}
	}
	return "", fmt.Errorf("the engine's bridge %q has no IPv4 address", name)
}
