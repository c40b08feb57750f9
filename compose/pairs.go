package compose

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

type pair struct{ key, value *yaml.Node }

// pairs are the entries of a mapping, with those it merges by << first, so that its own replace them.
func (r *reader) pairs(n *yaml.Node, path string, depth int) ([]pair, error) {
	var merged, own []pair
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			more, err := r.merges(value, path, depth+1)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return nil, r.fail(key, path, "a key must be a single word", "")
		}
		if key.ShortTag() != "!!str" {
			return nil, r.fail(key, join(path, named(key.Value)), "a key must be text: put it into quotes", "")
		}
		if line, twice := seen[key.Value]; twice {
			return nil, r.fail(key, join(path, named(key.Value)), fmt.Sprintf("stands here a second time, first in line %d", line), "keep one of the two")
		}
		seen[key.Value] = key.Line
		own = append(own, pair{key, value})
	}
	return append(merged, own...), nil
}

// merges resolves what stands behind <<: a mapping, or a list of mappings of which the first wins.
func (r *reader) merges(n *yaml.Node, path string, depth int) ([]pair, error) {
	if !r.spend(1+len(n.Content), 0) || depth > maxDepth {
		return nil, r.tooMuch(n, path)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.merges(n.Alias, path, depth+1)
	case yaml.MappingNode:
		return r.pairs(n, path, depth+1)
	case yaml.SequenceNode:
		var all []pair
		for i := len(n.Content) - 1; i >= 0; i-- {
			more, err := r.merges(n.Content[i], path, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	return nil, r.fail(n, path, "<< needs an alias of a mapping", "write <<: *NAME")
}
