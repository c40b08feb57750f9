package demo

import (
	_ "embed"
	"html"
	"io"
	"net/http"
	"strings"
)

//go:embed docs.html
var docsPage string

//go:embed openapi.json
var openAPIDocument string

// docs serves a page of commands with the address the reader came by. The page has two holes, so a replacer fills them: a template
// engine would keep every exported method of the program in it, which is 3 MB.
func (s *server) docs(w http.ResponseWriter, r *http.Request) {
	fill := strings.NewReplacer("{{.URL}}", html.EscapeString(scheme(r)+"://"+r.Host), "{{.Agent}}", firstID)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fill.WriteString(w, docsPage)
}

func openAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, openAPIDocument)
}
