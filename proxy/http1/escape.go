package http1

import "strings"

// Unescape decodes what is percent-encoded in a target, however often, and forgives what is not (RFC 3986, section 2.1). It is
// for finding what may hide there: a target goes on as it came.
func Unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	plain := make([]byte, 0, len(s))
	for i := range len(s) {
		plain = append(plain, s[i])
		for n := len(plain); n >= 3 && plain[n-3] == '%'; n = len(plain) {
			high, ok := hexValue(plain[n-2])
			low, ok2 := hexValue(plain[n-1])
			if !ok || !ok2 {
				break
			}
			plain = append(plain[:n-3], byte(high<<4|low)) // which may complete another code
		}
	}
	return string(plain)
}
