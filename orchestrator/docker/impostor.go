package docker

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// impostor says what an answer shows of a program that is not a container engine, or that speaks to its clients in another way: a
// proxy on the road, a web server on the port, an engine behind TLS.
type impostor struct {
	said   string // what comes back, as a clause
	advice string // the command against it, where that does not depend on how the engine was found
	err    error  // the client's
}

func (i *impostor) Error() string { return i.said }

func (i *impostor) Unwrap() error { return i.err }

const notAnEngine = "something answers there, but it is not a container engine"

// isNoEngine reports that another program answers, for good as far as one can see.
func (i *impostor) isNoEngine() bool { return i != nil && strings.HasPrefix(i.said, notAnEngine) }

// plain puts an error of the client in plain words: an engine's own without the client's preamble, and that of an impostor as what it
// shows, for the client repeats whole pages and the words of the JSON decoder.
func plain(err error) error {
	said := strings.ToLower(answer{err}.Error())
	contains := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(said, w) {
				return true
			}
		}
		return false
	}
	switch {
	case contains("client sent an http request to an https server"):
		return &impostor{"it wants TLS, and was spoken to without", "export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=~/.docker", err}
	case contains("server gave http response to https client", "first record does not look like a tls handshake"):
		return &impostor{"it speaks no TLS, which DOCKER_TLS_VERIFY or the context asks for", "unset DOCKER_TLS_VERIFY DOCKER_TLS", err}
	case strings.HasPrefix(strings.TrimSpace(said), "<!doctype html"), strings.HasPrefix(strings.TrimSpace(said), "<html"): // an engine's own words may quote a page
		return &impostor{notAnEngine + ": it sends a web page, as a proxy does (NO_PROXY names the hosts that go past it)", "", err}
	case contains("but provided no error-message", "check if the server supports the requested api version"):
		return &impostor{notAnEngine + ": it refuses what every engine answers", "", err}
	case errors.As(err, new(*json.SyntaxError)), errors.As(err, new(*json.UnmarshalTypeError)):
		return &impostor{notAnEngine + ": what it sends is not an engine's JSON, as when a proxy answers (NO_PROXY names the hosts that go past it)", "", err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &impostor{"its answer ends in the middle", "", err}
	case errors.Is(err, io.EOF):
		return &impostor{"it takes the connection and closes it without an answer", "", err}
	}
	return answer{err}
}
