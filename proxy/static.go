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
	if age == 0 || head.Status != http.StatusOK && head.Status != http.StatusNotModified ||
		x.request.Method != http.MethodGet && x.request.Method != http.MethodHead {
		return
	}
	for _, name := range [...]string{"Cache-Control", "Expires", "Pragma", "Set-Cookie"} {
		if head.Fields.Count(name) > 0 {
			return
		}
	}
	if isStatic(x.target) && !isDocument(head.Fields.Get("Content-Type")) && x.request.Fields.Count("Authorization") == 0 {
		// In browsers, that is, and nowhere where others are served from it (RFC 9111, section 5.2.2.7).
		head.Fields = append(head.Fields, http1.Field{Name: "Cache-Control", Value: fmt.Sprintf("private, max-age=%d", age)})
	}
}

// isDocument knows what is no part of a page, whatever its path ends with: a server may leave the end of a path out, or answer
// with its front page for what it does not have.
func isDocument(contentType string) bool {
	mediaType := mediaTypeOf(contentType)
	return mediaType == "application/json" || mediaType == "text/html" || strings.HasSuffix(mediaType, "+json")
}

// isStatic reports whether a path ends like a file that pages are made of, to every server: not /v1/me;.js, which is /v1/me to some.
func isStatic(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 || strings.ContainsFunc(http1.Unescape(path), endsName) {
		return false
	}
	switch lower(path[dot+1:]) {
	case "js", "css", "svg", "png", "jpg", "jpeg", "gif", "webp", "avif", "ico", "woff", "woff2", "ttf", "map":
		return true
	}
	return false
}
