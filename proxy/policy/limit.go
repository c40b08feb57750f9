package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Rate is how many requests a client may make in so many seconds. The zero value is no limit.
type Rate struct {
	Requests int
	Seconds  int // 1 or 60
}

// maxRequests is above what a proxy here can carry: more is a slip of the pen.
const maxRequests = 1_000_000

// ParseRate reads N/s or N/m.
func ParseRate(s string) (Rate, error) {
	number, per, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(number)
	seconds := map[string]int{"s": 1, "m": 60}[per]
	switch {
	case seconds == 0 || !digits(number) || err == nil && n < 1:
		return Rate{}, wrong("limits.rate", "write 20/s or 600/m", "%q is not a rate of requests", s)
	case err != nil || n > maxRequests:
		return Rate{}, wrong("limits.rate", "write 20/s or 600/m, or leave it out for no limit", "a rate of %q is more than %d requests, the most that can be counted", s, maxRequests)
	}
	return Rate{n, seconds}, nil
}

// String is the form that ParseRate reads.
func (r Rate) String() string {
	return fmt.Sprintf("%d/%s", r.Requests, map[int]string{1: "s", 60: "m"}[r.Seconds])
}

// MarshalText is String; nothing for no limit.
func (r Rate) MarshalText() ([]byte, error) {
	if r == (Rate{}) {
		return nil, nil
	}
	return []byte(r.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (r *Rate) UnmarshalText(text []byte) (err error) {
	if *r = (Rate{}); len(text) > 0 {
		*r, err = ParseRate(string(text))
	}
	return err
}

// Burst is how many requests may come at once: those of a second.
func (r Rate) Burst() int { return max(1, r.Requests/max(1, r.Seconds)) }

// Interval is the time that has to pass for each request.
func (r Rate) Interval() time.Duration {
	return time.Duration(r.Seconds) * time.Second / time.Duration(max(1, r.Requests))
}

// units are those of sizes in compose files, where 1k is 1024 bytes.
func units() map[string]int64 {
	return map[string]int64{"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30}
}

// ParseSize reads a number of bytes, or of the units b, k, kb, m, mb, g and gb in any case.
func ParseSize(s string) (int64, error) {
	number := strings.TrimRight(strings.ToLower(s), "bkmg")
	unit, known := units()[strings.ToLower(s)[len(number):]]
	n, err := strconv.ParseInt(number, 10, 64)
	const most = 1 << 50
	switch {
	case !known || !digits(number) || err == nil && n < 1:
		return 0, wrong("limits.body", "write 64kb, 10mb or 1g", "%q is not a size", s)
	case err != nil || n > most/unit:
		return 0, wrong("limits.body", "write 64kb, 10mb or 1g, or leave it out for no limit", "a size of %q is more than %s, the most that can be counted", s, FormatSize(most))
	}
	return n * unit, nil
}

// FormatSize is a size in the largest unit that has no rest.
func FormatSize(n int64) string {
	for _, unit := range []string{"gb", "mb", "kb"} {
		if size := units()[unit]; n%size == 0 && n > 0 {
			return fmt.Sprintf("%d%s", n/size, unit)
		}
	}
	return fmt.Sprintf("%db", n)
}

// ParseAge reads a time such as 1h30m, and returns it in seconds.
func ParseAge(s string) (int, error) {
	d, err := time.ParseDuration(s)
	const most = 365 * 24 * time.Hour
	const advice = "write 10m, 1h or 24h"
	switch {
	case err != nil || d <= 0:
		return 0, wrong("cache", advice, "%q is not a time to keep files for", s)
	case d%time.Second != 0: // Cache-Control counts them (RFC 9111, section 1.2.2)
		return 0, wrong("cache", advice, "a time of %q is not a number of whole seconds", s)
	case d > most:
		return 0, wrong("cache", advice, "a time of %q is more than %s, a year", s, FormatAge(int(most/time.Second)))
	}
	return int(d / time.Second), nil
}

// FormatAge is a time in the largest unit that has no rest, as ParseAge reads it.
func FormatAge(seconds int) string {
	switch {
	case seconds%3600 == 0:
		return fmt.Sprintf("%dh", seconds/3600)
	case seconds%60 == 0:
		return fmt.Sprintf("%dm", seconds/60)
	}
	return fmt.Sprintf("%ds", seconds)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// checkLimits is for rules that were not read from text.
func (r *Rules) checkLimits() error {
	switch {
	case r.MaxBody < 0:
		return wrong("limits.body", "write 10mb", "a body of %d bytes", r.MaxBody)
	case r.Rate != Rate{} && (r.Rate.Requests < 1 || r.Rate.Requests > maxRequests || r.Rate.Seconds != 1 && r.Rate.Seconds != 60):
		return wrong("limits.rate", "write 20/s", "a rate of %d requests in %d seconds", r.Rate.Requests, r.Rate.Seconds)
	case r.MaxAge < 0:
		return wrong("cache", "write 1h", "an age of %d seconds", r.MaxAge)
	}
	return nil
}
