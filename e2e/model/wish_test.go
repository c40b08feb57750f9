package model

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestParseWish(t *testing.T) {
	for text, want := range map[string]wish{
		"hi":                                {},
		"":                                  {},
		"please fail 500":                   {status: 500},
		`{"message": "please fail 429"}`:    {status: 429},
		"please fail 5000":                  {},
		"please fail 99":                    {},
		"please fail 302":                   {},
		"now please drop it":                {drop: true},
		"please dropped":                    {},
		"please wait for a-b_C9, thanks":    {gate: "a-b_C9"},
		"please wait for ":                  {},
		"please drop, then please fail 500": {drop: true},
		"Please fail 500":                   {},
	} {
		if got := parseWish(text); got != want {
			t.Errorf("parseWish(%q) = %+v, want %+v", text, got, want)
		}
	}
}

func FuzzParseWish(f *testing.F) {
	f.Add("please wait for x")
	f.Add("please fail 404 and please drop")
	f.Fuzz(func(t *testing.T, text string) {
		got := parseWish(text)
		if got.status != 0 && (got.status < 400 || got.status > 599) {
			t.Errorf("%q: status %d is no failure", text, got.status)
		}
		if got != (wish{}) && !strings.Contains(text, "please ") {
			t.Errorf("%q: %+v without asking", text, got)
		}
		if !strings.Contains(text, got.gate) {
			t.Errorf("%q: gate %q is not in it", text, got.gate)
		}
	})
}

func TestAWaitEndsWithTheClient(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, wish := range map[string]wish{"time": {}, "gate": {gate: "never"}} {
		s := &Server{pace: 1 << 62, gates: make(map[string]*Gate)}
		if err := s.waiter(wish)(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: waiting for a client that has gone ended with %v", name, err)
		}
	}
}
