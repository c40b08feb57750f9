//go:build race

package proxy

// racing reports whether the race detector watches.
const racing = true
