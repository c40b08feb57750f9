package proxy

import "runtime/debug"

// contain, deferred, keeps a panic to what it happened in, as net/http does: end ends
// that, the log gets the rest, and everything else goes on.
func (p *Proxy) contain(end func(cause any)) {
	if v := recover(); v != nil {
		p.config.ErrorLog.Printf("panic: %v\n%s", v, debug.Stack())
		end(v)
	}
}
