package http1

import "testing"

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a": "a", "%41": "A", "%2541": "A", "%25%34%31": "A", "%": "%", "%4": "%4", "%zz%41": "%zzA", "%%34%31": "A", "a%2Fb%2f": "a/b/", "%e4": "\xe4",
	} {
		if got := Unescape(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
