package demo

import (
	"strings"
	"time"
)

// The shapes of letta 0.16.8, with the fields its clients read and in its order.

type agent struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	System      string         `json:"system"`
	AgentType   string         `json:"agent_type"`
	LLMConfig   llmConfig      `json:"llm_config"`
	Embedding   *string        `json:"embedding"`
	Model       string         `json:"model"`
	Description string         `json:"description"`
	Metadata    map[string]any `json:"metadata"`
	Memory      memory         `json:"memory"`
	Blocks      []any          `json:"blocks"`
	Tools       []any          `json:"tools"`
	Sources     []any          `json:"sources"`
	Tags        []string       `json:"tags"`
	MessageIDs  []string       `json:"message_ids"`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
}

type memory struct {
	Blocks []any `json:"blocks"`
}

type llmConfig struct {
	Model             string `json:"model"`
	ModelEndpointType string `json:"model_endpoint_type"`
	ContextWindow     int    `json:"context_window"`
	Handle            string `json:"handle"`
}

func newAgent(id, name, kind, modelHandle string, now time.Time) agent {
	if kind == "" {
		kind = "letta_v1_agent"
	}
	_, modelName, found := strings.Cut(modelHandle, "/")
	if !found {
		modelName = modelHandle
	}
	return agent{
		ID:          id,
		Name:        name,
		System:      "letta-dev demo: no model reads this",
		AgentType:   kind,
		LLMConfig:   llmConfig{modelName, "openai", contextWindow, modelHandle},
		Model:       modelHandle,
		Description: "an agent of the letta-dev demo server",
		Metadata:    map[string]any{},
		Memory:      memory{[]any{}},
		Blocks:      []any{}, Tools: []any{}, Sources: []any{}, Tags: []string{}, MessageIDs: []string{},
		CreatedAt: now.UTC(),
		UpdatedAt: now.UTC(),
	}
}

const contextWindow = 8192 // tokens; nothing reads them

type model struct {
	Handle            string `json:"handle"`
	Name              string `json:"name"`
	DisplayName       string `json:"display_name"`
	ProviderType      string `json:"provider_type"`
	ProviderName      string `json:"provider_name"`
	ModelType         string `json:"model_type"`
	MaxContextWindow  int    `json:"max_context_window"`
	Model             string `json:"model"`
	ModelEndpointType string `json:"model_endpoint_type"`
	ContextWindow     int    `json:"context_window"`
}

func demoModel() model {
	return model{
		Handle:            "letta-dev/demo",
		Name:              "demo",
		DisplayName:       "letta-dev demo (no model)",
		ProviderType:      "openai",
		ProviderName:      "letta-dev",
		ModelType:         "llm",
		MaxContextWindow:  contextWindow,
		Model:             "demo",
		ModelEndpointType: "openai",
		ContextWindow:     contextWindow,
	}
}

// chatMessage is a message of a user or an agent, a piece of one, or a ping.
type chatMessage struct {
	ID       string    `json:"id"`
	Date     time.Time `json:"date"`
	Name     *string   `json:"name"`
	Type     string    `json:"message_type"`
	OTID     *string   `json:"otid"`
	SenderID *string   `json:"sender_id"`
	StepID   *string   `json:"step_id"`
	IsErr    *bool     `json:"is_err"`
	SeqID    *int      `json:"seq_id"`
	RunID    *string   `json:"run_id"`
	Content  string    `json:"content,omitempty"`
}

type stopReason struct {
	Type   string `json:"message_type"`
	Reason string `json:"stop_reason"`
}

type usage struct {
	Type             string   `json:"message_type"`
	CompletionTokens int      `json:"completion_tokens"`
	PromptTokens     int      `json:"prompt_tokens"`
	TotalTokens      int      `json:"total_tokens"`
	StepCount        int      `json:"step_count"`
	RunIDs           []string `json:"run_ids"`
}

// response is the answer to a message that is not streamed.
type response struct {
	Messages   []chatMessage `json:"messages"`
	StopReason stopReason    `json:"stop_reason"`
	Usage      usage         `json:"usage"`
}

// clip shortens text to what the stand-in stores.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
