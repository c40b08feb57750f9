package model_test

import (
	"net"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/e2e/model"
)

func TestBridgeAddrCanBeBound(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			continue
		}
		addr, err := model.BridgeAddr(i.Name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := model.Start(addr)
		if err != nil {
			t.Fatalf("Start(%q): %v", addr, err)
		}
		s.Close()
		return
	}
	t.Skip("LEFT OUT: no loopback interface here")
}

func TestBridgeAddrNamesTheMissingBridge(t *testing.T) {
	if addr, err := model.BridgeAddr("no-such-bridge"); err == nil || !strings.Contains(err.Error(), `"no-such-bridge"`) {
		t.Errorf("BridgeAddr = %q, %v", addr, err)
	}
}
