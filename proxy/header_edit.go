package proxy

import (
	"slices"

	"github.com/letta-dev/letta-dev/proxy/http1"
	"github.com/letta-dev/letta-dev/proxy/policy"
)

// edit sets the fields of a policy, in the place of all others of their names.
func edit(fields http1.Fields, headers []policy.Header) http1.Fields {
	for _, h := range headers {
		fields = slices.DeleteFunc(fields, func(f http1.Field) bool { return sameName(f.Name, h.Name) })
		if h.Value != "" {
			fields = append(fields, http1.Field{Name: h.Name, Value: h.Value})
		}
	}
	return fields
}

// edits reports whether a policy sets or removes a field.
func edits(headers []policy.Header, name string) bool {
	return slices.ContainsFunc(headers, func(h policy.Header) bool { return sameName(name, h.Name) })
}

// sameName reports whether two fields are one to some server.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if policy.PlainByte(a[i]) != policy.PlainByte(b[i]) {
			return false
		}
	}
	return true
}

// vary notes that an answer depends on a field of the request, once (RFC 9110, section 12.5.5).
func vary(fields http1.Fields, name string) http1.Fields {
	if fields.HasToken("Vary", name) || fields.HasToken("Vary", "*") {
		return fields
	}
	for i, f := range fields {
		if f.Is("vary") && f.Value != "" {
			fields[i].Value += ", " + name
			return fields
		}
	}
	return append(fields, http1.Field{Name: "Vary", Value: name})
}
