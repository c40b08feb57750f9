package proxy

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func testOrigins(t testing.TB) origins {
	t.Helper()
	o, err := newOrigins(testHosts(t), []string{"https://App.letta.com:443/", "http://lan.test:3000", "tauri://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOrigins(t *testing.T) {
	o := testOrigins(t)
	for origin, want := range map[string]bool{
		"https://letta.localhost": true, "http://letta.localhost:80": true, "http://localhost:3000": true, "https://127.0.0.1:8283": true,
		"http://[::1]:5173": true, "https://ade.letta.localhost": true, "https://app.letta.com": true, "https://app.letta.com:443": true,
		"HTTPS://LETTA.LOCALHOST": true, "https://letta.localhost.": true, "http://lan.test:3000": true, "tauri://localhost": true,

		"null": false, "": false, "*": false, "file://": false, "https://evil.example": false, "http://127.0.0.1.evil": false,
		"https://letta.localhost.evil": false, "https://evil.letta.localhost.evil": false, "http://app.letta.com": false, "https://app.letta.com:8443": false,
		"https://app.letta.com.evil": false, "https://xapp.letta.com": false, "http://lan.test": false, "http://lan.test:30000": false, "ftp://localhost": false,
		"tauri://letta.localhost": false, "https://letta.localhost@evil": false, "https://evil@letta.localhost": false, "https://letta.localhost/": false,
		"https://letta.localhost/x": false, "https://letta.localhost?": false, "https://letta.localhost#": false, "https://letta.localhost https://evil": false,
		"https://lettа.localhost": false, "https://LOCALHOſT": false, "https:letta.localhost": false, "//letta.localhost": false, "localhost": false,
		"https://letta.localhost:99999": false, "https://letta.localhost\\@evil": false, " https://letta.localhost": false,
	} {
		if got := o.allows(origin); got != want {
			t.Errorf("%q: allowed=%v, want %v", origin, got, want)
		}
	}
}

func TestOriginsThatAreNone(t *testing.T) {
	for _, origin := range []string{"*", "null", "", "app.letta.com", "https://", "https://a.test/path", "https://*.letta.com", "https://a@b.test"} {
		_, err := newOrigins(hostSet{}, []string{origin})
		var ce *ConfigError
		if !errors.As(err, &ce) || ce.Hint() == "" {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

// FuzzOrigins: an allowed origin must, read by net/url as browsers build it,
// consist of scheme and host alone, and that host must be ours or the exact
// origin configured.
func FuzzOrigins(f *testing.F) {
	for _, seed := range []string{"https://letta.localhost", "http://127.0.0.1.evil", "https://app.letta.com:443", "tauri://localhost", "null", "https://a@localhost"} {
		f.Add(seed)
	}
	o := testOrigins(f)
	f.Fuzz(func(t *testing.T, origin string) {
		if !o.allows(origin) {
			return
		}
		u, err := url.Parse(origin)
		if err != nil {
			t.Fatalf("%q is allowed but is no URL: %v", origin, err)
		}
		if u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || strings.ContainsAny(origin, "?# ,") {
			t.Fatalf("%q is allowed but says more than an origin", origin)
		}
		if n, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || n < 1 || n > 65535) {
			t.Fatalf("%q is allowed but has no valid port", origin)
		}
		host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		switch addr, err := netip.ParseAddr(host); {
		case u.Scheme == "tauri":
			if host != "localhost" || u.Port() != "" {
				t.Fatalf("%q is allowed", origin)
			}
		case u.Scheme != "http" && u.Scheme != "https":
			t.Fatalf("%q is allowed", origin)
		case err == nil && (addr.IsLoopback() || host == "192.168.1.7" || host == "fd00::1"):
		case host == "localhost" || host == "letta.test" || host == "letta.localhost":
		case strings.HasSuffix(host, ".letta.localhost") || strings.HasSuffix(host, ".dev.test"):
		case host == "app.letta.com" && u.Scheme == "https" && (u.Port() == "" || u.Port() == "443"):
		case host == "lan.test" && u.Scheme == "http" && u.Port() == "3000":
		default:
			t.Fatalf("%q is allowed", origin)
		}
	})
}
