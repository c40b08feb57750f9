package proxy

import (
	"github.com/letta-dev/letta-dev/proxy/http1"
)

// knownName is as long as the longest name that is looked for among others.
const knownName = len("ms-aspnetcore-clientcert")

// outgoing returns the fields of a request as the upstream gets them. It replaces
// whatever a client said about the way its request took with what we know.
func (x *exchange) outgoing(to http1.Fields, u *Upstream) http1.Fields {
	r := x.request
	to = append(to, http1.Field{Name: "Host", Value: r.Host})
	first := len(to)
	to = passing(to, r.Fields)
	kept := to[:first]
	via := ""
	for _, f := range to[first:] {
		switch {
		case isForwarding(f.Name), isFraming(f.Name), f.Is("host"), f.Is("origin") && u.DropOrigin,
			f.Is("expect") && !r.ExpectsContinue():
		case f.Is("max-forwards"):
			kept = append(kept, http1.Field{Name: f.Name, Value: r.fewerForwards(f.Value)})
		case f.Is("via"):
			via += f.Value + ", "
		default:
			kept = append(kept, f)
		}
	}
	_, port, _ := splitPort(r.Host)
	if port == "" {
		port = defaultPort(r.scheme())
	}
	if r.Fields.HasToken("TE", "trailers") && !r.isUpgrade() { // they are carried; Connection: RFC 9110, section 10.1.4
		kept = append(kept, http1.Field{Name: "TE", Value: "trailers"}, http1.Field{Name: "Connection", Value: "TE"})
	}
	if u.Bearer != "" && r.Fields.Get("Authorization") == "" {
		kept = append(kept, http1.Field{Name: "Authorization", Value: "Bearer " + u.Bearer})
	}
	if prefix := x.pathRoute.forwardedPrefix(); prefix != "" {
		kept = append(kept, http1.Field{Name: "X-Forwarded-Prefix", Value: prefix})
	}
	kept = append(kept,
		http1.Field{Name: "X-Forwarded-For", Value: r.from}, http1.Field{Name: "X-Forwarded-Proto", Value: r.scheme()},
		http1.Field{Name: "X-Forwarded-Host", Value: r.Host}, http1.Field{Name: "X-Forwarded-Port", Value: port},
		http1.Field{Name: "Via", Value: via + r.version() + " " + x.proxy.name})
	return edit(kept, x.proxy.table.Request)
}
