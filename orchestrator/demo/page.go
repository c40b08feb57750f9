package demo

import (
	_ "embed"
	"html/template"
	"io"
	"net/http"
)

//go:embed docs.html
var docsPage string

//go:embed openapi.json
var openAPIDocument string

// docs serves a page of commands with the address the reader came by.
func (s *server) docs(w http.ResponseWriter, r *http.Request) {
	page, err := template.New("docs").Parse(docsPage)
	if err != nil {
		panic(err) // an embed of this package
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page.Execute(w, map[string]string{"URL": scheme(r) + "://" + r.Host, "Agent": firstID})
}

func openAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, openAPIDocument)
}
