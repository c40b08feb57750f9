#!/usr/bin/env bash
# Talks to a Letta server with curl: health, an agent, one streamed message, and the agent is gone again.
#
# Prints one JSON object a line, as things happen: at_ms, step (health, create, event, delete), data. The times are
# those of the wall clock: bash has no other.
# Environment: LETTA_BASE_URL, LETTA_API_KEY, CURL_CA_BUNDLE (read by curl itself), LETTA_MODEL, LETTA_MESSAGE (one line).
set -euo pipefail

say() { printf '{"at_ms":%s,"step":"%s","data":%s}\n' "$((${EPOCHREALTIME//[^0-9]/} / 1000))" "$1" "$2"; }

# fail shows what the server answered instead.
fail() { printf '%s\n' "$1" >&2; exit 1; }

# call is curl with what every request has.
call() {
	local authorization=()
	[[ -z ${LETTA_API_KEY-} ]] || authorization=(--header "Authorization: Bearer $LETTA_API_KEY")
	curl --silent --show-error --fail-with-body --max-time 120 --header 'Content-Type: application/json' \
		"${authorization[@]}" --request "$1" "$LETTA_BASE_URL$2" "${@:3}"
}

message=${LETTA_MESSAGE:-hi}
message=${message//\\/\\\\}
message=${message//\"/\\\"}

health=$(call GET /v1/health/) || fail "$health"
say health "$health"
created=$(call POST /v1/agents/ --data \
	"{\"name\":\"letta-dev-curl\",\"agent_type\":\"letta_v1_agent\",\"model\":\"$LETTA_MODEL\",\"include_base_tools\":false}") || fail "$created"
[[ $created =~ agent-[0-9a-f-]{36} ]] || fail "$created"
agent=${BASH_REMATCH[0]}
trap 'call DELETE "/v1/agents/$agent" >/dev/null' EXIT
say create "{\"id\":\"$agent\"}"

# ".../messages" refuses to stream to curl (it looks at the User-Agent); ".../messages/stream" does not.
call POST "/v1/agents/$agent/messages/stream" --no-buffer --data \
	"{\"messages\":[{\"role\":\"user\",\"content\":\"$message\"}],\"stream_tokens\":true}" |
	while IFS= read -r line; do
		line=${line%$'\r'}
		if [[ $line == 'data: {'* ]]; then say event "${line#data: }"; fi
	done

trap - EXIT
call DELETE "/v1/agents/$agent" >/dev/null
say delete "{\"id\":\"$agent\"}"
