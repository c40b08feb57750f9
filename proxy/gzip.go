package proxy

import (
	"net/http"
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
	if !takesGzip(x.request.Fields) {
		return
	}
	if x.packer = x.proxy.packers.lend(x); x.packer == nil {
		return
	}
	for i, f := range head.Fields {
		// The bytes are others than those the tag was given to (RFC 9110, section 8.8.1).
		if isName(f.Name, "etag") && !strings.HasPrefix(f.Value, "W/") {
			head.Fields[i].Value = "W/" + f.Value
		}
	}
	head.Fields.Del("Accept-Ranges")
	head.Fields.Set("Content-Encoding", "gzip")
	head.Framing = http1.Framing{Kind: http1.ToEnd}
}

// packable reports whether an answer may be compressed, for whatever client.
func (x *exchange) packable(head *http1.Response) bool {
	f := head.Fields
	switch {
	case x.request.Method == http.MethodHead, head.Framing.Kind == http1.Empty,
		head.Framing.Kind == http1.Sized && head.Framing.Length <= minGzip,
		head.Status == http.StatusPartialContent, f.Count("Content-Range") > 0,
		f.Count("Content-Encoding") > 0, f.Count("Content-Digest") > 0,
		f.HasToken("Cache-Control", "no-transform"), x.request.Fields.HasToken("Cache-Control", "no-transform"):
		return false
	}
	return f.Count("Content-Type") == 1 && compressible(f.Get("Content-Type"))
}

// compressible knows the media types that are text in one form or another. A stream of events is not for waiting.
func compressible(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = lower(strings.TrimSpace(mediaType))
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
