package proxy

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// keepStatic lets browsers keep a static file for the time of the policy, where its server says nothing about that.
func (x *exchange) keepStatic(head *http1.Response) {
	age := x.proxy.table.MaxAge
	if age == 0 || head.Status != http.StatusOK || x.request.Method != http.MethodGet && x.request.Method != http.MethodHead {
		return
	}
	for _, name := range [...]string{"Cache-Control", "Expires", "Pragma", "Set-Cookie"} {
		if head.Fields.Count(name) > 0 {
			return
		}
	}
	// What was sent to one person must not be kept for others (RFC 9111, section 3.5).
	if isStatic(x.target) && x.request.Fields.Count("Authorization") == 0 {
		head.Fields = append(head.Fields, http1.Field{Name: "Cache-Control", Value: fmt.Sprintf("public, max-age=%d", age)})
	}
}

// isStatic reports whether a path ends like a file that pages are made of.
func isStatic(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return false
	}
	switch lower(path[dot+1:]) {
	case "js", "css", "svg", "png", "jpg", "jpeg", "gif", "webp", "avif", "ico", "woff", "woff2", "ttf", "map":
		return true
	}
	return false
}
