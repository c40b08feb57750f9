package bridge

import (
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

//go:embed explain.html
var explainPage string

// isUpgrade says whether r asks for a WebSocket. Requests that ask wrongly, with
// an old version or no key, are for the handshake to refuse.
func isUpgrade(r *http.Request) bool {
	for _, field := range r.Header.Values("Upgrade") {
		for proto := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(proto), "websocket") {
				return r.ProtoMajor == 1
			}
		}
	}
	return false
}

// explain answers a request that is no upgrade: 426, with the Upgrade field that
// RFC 9110, section 15.5.22 asks for, as a page for people or as JSON.
func explain(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if r.ProtoMajor == 1 { // RFC 9113, section 8.2.2 forbids both in HTTP/2
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
	}
	h.Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusUpgradeRequired)
		io.WriteString(w, explainPage)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUpgradeRequired)
	json.NewEncoder(w).Encode(map[string]any{
		"error":  "upgrade_required",
		"detail": "this is Letta's WebSocket port: connect with ws or wss and send JSON frames; for REST use the port of the API (8283)",
		"example": map[string]string{
			"type": "user_message", "agent_id": "agent-…", "message": "hi",
		},
	})
}
