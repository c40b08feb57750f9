package procnet

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseAddr: what the kernel's format says is what is read, and nothing
// crashes.
func FuzzParseAddr(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(8283), "0100007F:1F90")
	f.Add(make([]byte, 16), uint16(1), "x:y")
	f.Fuzz(func(t *testing.T, raw []byte, port uint16, text string) {
		ParseAddr(text)
		addr, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		words := make([]byte, len(raw))
		for i := 0; i < len(raw); i += 4 {
			binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(raw[i:]))
		}
		got, ok := ParseAddr(fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(words)), port))
		if want := netip.AddrPortFrom(addr, port); !ok || got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
