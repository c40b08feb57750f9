//go:build !linux

package certs

// as has f run as it is: only Linux has rights to files that a thread can change for itself.
func (o *Owner) as(f func() error) error { return f() }
