package main

import "testing"

func TestWebSocketUpstream(t *testing.T) {
	for _, test := range []struct{ url, name, path, query, bearer string }{
		{"ws://127.0.0.1:4500", "127.0.0.1:4500", "", "", ""},
		{"ws://localhost:4500/", "localhost:4500", "", "", ""},
		{"ws://localhost:4500/ws", "localhost:4500", "/ws", "", ""},
		{"wss://host/a%2Fb/?x=1;y=%20", "host", "/a%2Fb/", "x=1;y=%20", ""},
		{"http://[::1]:1/ws?token=a%2Bb&x=1", "[::1]:1", "/ws", "token=a%2Bb&x=1", "a+b"},
	} {
		u, ok := webSocketURL(test.url)
		if !ok {
			t.Errorf("%q is refused", test.url)
			continue
		}
		up := webSocketUpstream(u)
		if up.Name != test.name || up.Path != test.path || up.Query != test.query || up.Bearer != test.bearer || !up.DropOrigin || up.Dial == nil {
			t.Errorf("%q: %+v", test.url, up)
		}
	}
	for _, bad := range []string{"", "localhost:4500", "ftp://a", "ws://", "ws://a/ b?x y", "ws://a?x=\n", "ws://a?token=%0d%0aX:1", "ws://u:p@a", "ws://a/#f", "ws://a?tok\u00e9n=1"} {
		if _, ok := webSocketURL(bad); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
}
