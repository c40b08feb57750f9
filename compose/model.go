package compose

import (
	"reflect"

	"github.com/compose-spec/compose-go/v2/override"
	"github.com/compose-spec/compose-go/v2/transform"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/go-viper/mapstructure/v2"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// model is the stack in compose-go's own types, files merged and short forms written out.
type model struct {
	Services map[string]types.ServiceConfig `yaml:"services"`
	Networks map[string]types.NetworkConfig `yaml:"networks"`
	Volumes  map[string]types.VolumeConfig  `yaml:"volumes"`
	Letta    lettaModel                     `yaml:"x-letta-dev"`
}

// lettaModel is x-letta-dev.
type lettaModel struct {
	Server string         `yaml:"server"`
	Hosts  []string       `yaml:"hosts"`
	Routes []policy.Route `yaml:"routes"`
	CORS   struct {
		Origins []string `yaml:"origins"`
	} `yaml:"cors"`
	Headers struct {
		Request  map[string]string `yaml:"request"`
		Response map[string]string `yaml:"response"`
	} `yaml:"headers"`
	Limits struct {
		Body string `yaml:"body"`
		Rate string `yaml:"rate"`
	} `yaml:"limits"`
	Gzip      bool     `yaml:"gzip"`
	Cache     string   `yaml:"cache"`
	Listeners []string `yaml:"listeners"`
	WebSocket struct {
		Upstream string `yaml:"upstream"`
	} `yaml:"websocket"`
}

// modelOf merges the files and decodes the result. These are the steps of compose-go's own loader, without its JSON schema:
// compiling that takes 20 ms of every load, and linking it 6 ms of every start of the program, `letta-dev version` included,
// while shapes.go has checked more than the schema knows.
func modelOf(files []map[string]any) (*model, error) {
	merged := map[string]any{}
	var err error
	for _, file := range files {
		if merged, err = override.Merge(merged, file); err != nil {
			return nil, err
		}
		if merged, err = override.EnforceUnicity(merged); err != nil {
			return nil, err
		}
		if merged, err = transform.Canonical(merged, false); err != nil {
			return nil, err
		}
		// the long form can show what the short forms hid, as two entries for one port
		if merged, err = override.EnforceUnicity(merged); err != nil {
			return nil, err
		}
	}
	m := &model{}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: m, TagName: "yaml", Squash: true, DecodeHook: mapstructure.ComposeDecodeHookFunc(decodeItself),
	})
	if err != nil {
		return nil, err
	}
	return m, decoder.Decode(merged)
}

// decodeItself lets the types of compose-go that know how read their own value.
func decodeItself(from, to reflect.Value) (any, error) {
	if to.Kind() == reflect.Pointer && to.IsNil() {
		to.Set(reflect.New(to.Type().Elem()))
	}
	target := to
	if to.Kind() != reflect.Pointer && to.CanAddr() {
		target = to.Addr()
	}
	if d, ok := target.Interface().(interface{ DecodeMapstructure(any) error }); ok {
		if err := d.DecodeMapstructure(from.Interface()); err != nil {
			return nil, err
		}
		return to.Interface(), nil
	}
	return from.Interface(), nil
}
