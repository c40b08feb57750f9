package proxy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// minGzip, in bytes: below it, compressing costs more than it saves.
const minGzip = 1 << 10

// pack compresses an answer on its way, where that is worth it and its client takes it, unless many are at once.
func (x *exchange) pack(head *http1.Response) {
	if !x.proxy.table.Gzip || !x.packable(head) {
		return
	}
	head.Fields = vary(head.Fields, "Accept-Encoding")
	switch {
	case !takesGzip(x.request.Fields):
		return
	case head.Status == http.StatusNotModified:
		if !x.holdsPlain(head.Fields) {
			weaken(head.Fields)
			head.Promised = http1.Framing{} // the length was that of the plain body (RFC 9110, section 8.6)
		}
		return
	case x.request.Method == http.MethodHead:
		head.Promised = http1.Framing{Kind: http1.Chunked}
	default:
		if x.gzip = x.proxy.packers.get(x); x.gzip == nil {
			return
		}
		head.Framing = http1.Framing{Kind: http1.ToEnd}
	}
	weaken(head.Fields)
	head.Fields.Del("Accept-Ranges")
	head.Fields.Set("Content-Encoding", "gzip")
}

// weaken: the bytes are others than those the tag was given to (RFC 9110, section 8.8.1).
func weaken(fields http1.Fields) {
	for i, f := range fields {
		if f.Is("etag") && !strings.HasPrefix(f.Value, "W/") {
			fields[i].Value = "W/" + f.Value
		}
	}
}

// holdsPlain reports whether a 304 is about what was not compressed. Mostly it has no Content-Type to tell, but its client names
// the tag that it was given.
func (x *exchange) holdsPlain(fields http1.Fields) bool {
	return fields.Count("Content-Type") == 0 && x.request.Fields.HasToken("If-None-Match", fields.Get("ETag"))
}

// packable reports whether an answer may be compressed, for whatever client. One to HEAD and a 304 have the fields that their
// body would come with (RFC 9110, sections 9.3.2 and 15.4.5).
func (x *exchange) packable(head *http1.Response) bool {
	f, body := head.Fields, head.Framing
	known := f.Count("Content-Type") == 1 && compressible(f.Get("Content-Type"))
	switch {
	case head.Status == http.StatusNotModified:
		body, known = head.Promised, known || f.Count("Content-Type") == 0
	case head.Status == http.StatusNoContent:
		return false
	case x.request.Method == http.MethodHead:
		body = head.Promised
	}
	switch {
	case body.Kind == http1.Sized && body.Length <= minGzip,
		head.Status == http.StatusPartialContent, f.Count("Content-Range") > 0,
		f.Count("Content-Encoding") > 0, slices.ContainsFunc(f, isDigest),
		f.HasToken("Cache-Control", "no-transform"), x.request.Fields.HasToken("Cache-Control", "no-transform"):
		return false
	}
	return known
}

// isDigest reports whether a field is the sum of the bytes as they came: of RFC 9530, of RFC 3230 before it, of RFC 1864 before that.
func isDigest(f http1.Field) bool {
	switch lower(f.Name) {
	case "content-digest", "repr-digest", "digest", "content-md5":
		return true
	}
	return false
}

// mediaTypeOf is a Content-Type without its parameters, in lower case.
func mediaTypeOf(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return lower(strings.TrimSpace(mediaType))
}

// compressible knows the media types that are text in one form or another. A stream of events is not for waiting.
func compressible(contentType string) bool {
	mediaType := mediaTypeOf(contentType)
	switch mediaType {
	case "text/event-stream":
		return false
	case "application/json", "application/javascript", "application/x-javascript", "application/xml", "application/wasm",
		"application/manifest+json", "image/svg+xml":
		return true
	}
	return strings.HasPrefix(mediaType, "text/") || strings.HasSuffix(mediaType, "+json") || strings.HasSuffix(mediaType, "+xml")
}

// takesGzip: RFC 9110, section 12.5.3. Who would rather have it plain gets it plain.
func takesGzip(fields http1.Fields) bool {
	weights := map[string]float64{}
	for token := range fields.Tokens("Accept-Encoding") {
		coding, parameter, _ := strings.Cut(token, ";")
		weights[lower(strings.TrimSpace(coding))] = weight(parameter)
	}
	q, named := weights["gzip"]
	if !named {
		if q, named = weights["x-gzip"]; !named {
			q = weights["*"]
		}
	}
	return q > 0 && q >= weights["identity"]
}

// weight reads the q of a preference: 1 where there is none, 0 where it is not a weight.
func weight(parameter string) float64 {
	if strings.TrimSpace(parameter) == "" {
		return 1
	}
	name, value, _ := strings.Cut(lower(strings.TrimSpace(parameter)), "=")
	q, err := strconv.ParseFloat(value, 64)
	if name != "q" || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
