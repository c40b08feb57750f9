package listen

import (
	"errors"
	"testing"
)

func TestAddressesTogether(t *testing.T) {
	for _, fine := range [][]string{
		nil, {"80", "443", "8282", "8283"}, {"127.0.0.1:1", "[::1]:1", "127.0.0.2:1"}, {"0", "0", "127.0.0.1:0"}, {"localhost:1", ":2"},
	} {
		if i, err := (Config{}).Check(fine); err != nil {
			t.Errorf("%q: %d, %v", fine, i, err)
		}
	}
	if _, err := (Config{AllowNonLoopback: true}).Check([]string{"0.0.0.0:1", "[::]:1", "0.0.0.0:2", "192.0.2.1:3"}); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		addresses []string
		at        int
		says      string
	}{
		{[]string{"1", "127.0.0.1:1"}, 1, `"1" and "127.0.0.1:1" are one address`},
		{[]string{"2", "[::1]:1", ":1"}, 2, `"[::1]:1" and ":1" are one address`},
		{[]string{"1", "2", "1"}, 2, `"1" is there twice`},
		{[]string{"127.0.0.1:1", "[::ffff:127.0.0.1]:1"}, 1, `"127.0.0.1:1" and "[::ffff:127.0.0.1]:1" are one address`},
		{[]string{"1", "foo.example:1"}, 1, `"foo.example:1" is not an address to listen on`},
		{[]string{"0.0.0.0:1"}, 0, `"0.0.0.0:1" is reachable from other machines, and the Letta server asks for no password`},
	} {
		i, err := Config{}.Check(test.addresses)
		var h interface{ Hint() string }
		if err == nil || i != test.at || err.Error() != test.says || !errors.As(err, &h) || h.Hint() == "" {
			t.Errorf("%q: %d, %v", test.addresses, i, err)
		}
	}
	if i, err := (Config{AllowNonLoopback: true}).Check([]string{"127.0.0.1:1", "0.0.0.0:1"}); i != 1 || err == nil {
		t.Errorf("%d, %v", i, err)
	}
}
