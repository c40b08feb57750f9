package orchestrator_test

import (
	"net"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// localhost is found on either address of the loopback, under every name that it has, and with no help of a resolver.
func TestDialTCPFindsLocalhost(t *testing.T) {
	for _, listens := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(listens, "0"))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for _, host := range []string{"localhost", "LOCALHOST", "localhost.", "letta.localhost", "a.b.Localhost."} {
			conn, err := orchestrator.DialTCP(t.Context(), net.JoinHostPort(host, port))
			if err != nil {
				t.Errorf("%s, where %s listens: %v", host, listens, err)
				continue
			}
			conn.Close()
		}
		l.Close()
		_, err = orchestrator.DialTCP(t.Context(), "letta.localhost:"+port)
		if err == nil || !strings.Contains(err.Error(), "[::1]:"+port) || !strings.Contains(err.Error(), "127.0.0.1:"+port) {
			t.Errorf("where none listens: %v", err)
		}
	}
}

func TestIsLocalhost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "Localhost.": true, "x.localhost": true, "": false, ".": false, "localhost.example": false, "xlocalhost": false, "127.0.0.1": false, "localhost..": false,
	} {
		if got := orchestrator.IsLocalhost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
