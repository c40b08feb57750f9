package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// maxBody limits a request's body, in bytes.
const maxBody = 1 << 20

func (s *server) listAgents(w http.ResponseWriter, r *http.Request) {
	all := s.agents.list(r.URL.Query().Get("name"))
	serveList(w, r, all, 50, func(a agent) string { return a.ID })
}

func (s *server) listMessages(w http.ResponseWriter, r *http.Request) {
	all, ok := s.agents.messages(r.PathValue("id"))
	if !ok {
		agentNotFound(w, r)
		return
	}
	serveList(w, r, all, 100, func(m chatMessage) string { return m.ID })
}

func (s *server) createAgent(w http.ResponseWriter, r *http.Request) {
	var want struct {
		Name      string `json:"name"`
		AgentType string `json:"agent_type"`
		Model     string `json:"model"`
	}
	if !readBody(w, r, &want) {
		return
	}
	if want.Model == "" {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT: Must specify either model or llm_config. (letta-dev demo: any model will do)")
		return
	}
	a, err := s.agents.create(want.Name, want.AgentType, want.Model)
	if err != nil {
		refuse(w, http.StatusConflict, "%v", err)
		return
	}
	answer(w, http.StatusOK, a)
}

func (s *server) getAgent(w http.ResponseWriter, r *http.Request) {
	a, ok := s.agents.get(r.PathValue("id"))
	if !ok {
		agentNotFound(w, r)
		return
	}
	answer(w, http.StatusOK, a)
}

func (s *server) deleteAgent(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !s.agents.remove(id) {
		agentNotFound(w, r)
		return
	}
	answer(w, http.StatusOK, map[string]string{"message": fmt.Sprintf("Agent id=%s successfully deleted", id)})
}

func agentNotFound(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "Agent with ID %s not found", clip(r.PathValue("id")))
}

// readBody reads r's JSON into want, or answers why not.
func readBody(w http.ResponseWriter, r *http.Request, want any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(want)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, "letta-dev demo: the body is not the JSON that is wanted here: %v", err)
	}
	return err == nil
}

// serveList answers the page of all that the query asks for. all is oldest first.
// The official clients ask for the page after the last id until one is empty.
func serveList[T any](w http.ResponseWriter, r *http.Request, all []T, limit int, id func(T) string) {
	q := r.URL.Query()
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n >= 0 {
		limit = n
	}
	page := page(all, id, q.Get("after"), q.Get("before"), limit, q.Get("order") != "asc")
	answer(w, http.StatusOK, page)
}
