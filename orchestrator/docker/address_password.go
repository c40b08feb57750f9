package docker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// refusePassword refuses an address with a password, before it is used, shown or kept.
func (o Options) refusePassword(address, found string) error {
	shown, without := hidePassword(address)
	if shown == address {
		return nil
	}
	return &orchestrator.UnreachableError{
		Tried:  []orchestrator.Attempt{{Host: shown, Found: found, Err: errors.New("a password stands in the address, and no engine takes one there")}},
		Advice: o.adviseAddress(found, without) + "  # ssh has keys, tcp certificates",
	}
}

// hidePassword returns an address as it may be shown, and as it is without the user and password in it. What an engine's address means
// is not asked: all that stands before the last @, with a colon in it, may hold a secret, but for the path of a socket.
func hidePassword(address string) (shown, without string) {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	at := strings.LastIndex(rest, "@")
	user, _, secret := strings.Cut(rest[:max(at, 0)], ":")
	if !secret || strings.HasPrefix(rest, "/") {
		return address, address
	}
	without = scheme + user + rest[at:]
	if scheme != "ssh://" {
		without = scheme + rest[at+1:]
	}
	return scheme + user + ":***" + rest[at:], without
}

// adviseAddress is the command that chooses another address in the way that one was chosen.
func (o Options) adviseAddress(found, address string) string {
	context, ofContext := strings.CutPrefix(found, "context ")
	switch {
	case wellFormed(address) != address:
		return "docker context ls"
	case ofContext:
		return fmt.Sprintf("docker context update %s --docker host=%s", context, address)
	case found == "DOCKER_HOST":
		return "export DOCKER_HOST=" + address
	}
	return "letta-dev " + o.Command + " --host " + address
}
