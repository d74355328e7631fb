package httpapi

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"
	"go.yaml.in/yaml/v3"
)

// The API's contract, written by hand. Requests and answers are held against
// it by the integration tests, and the Go client is generated from it.
//
//go:embed openapi.yaml
var openAPI []byte

// contract is the OpenAPI document in the forms in which clients get it.
type contract struct {
	yaml, json asset
	problems   []problemCode // every code that answers can have, in the document's order
}

// readContract reads the document once. It fails only when the document in the
// program is broken, which a test rules out.
var readContract = sync.OnceValues(func() (contract, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(openAPI, &root); err != nil {
		return contract{}, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var asJSON bytes.Buffer
	if err := writeJSON(jsontext.NewEncoder(&asJSON), &root); err != nil {
		return contract{}, fmt.Errorf("write openapi.yaml as JSON: %w", err)
	}
	return contract{
		yaml:     newAsset("application/yaml", openAPI),
		json:     newAsset(fiber.MIMEApplicationJSON, asJSON.Bytes()),
		problems: readProblemCodes(textAt(&root, "components", "schemas", "ProblemCode", "description")),
	}, nil
})

// openAPIYAML answers GET /openapi.yaml.
func (d contract) openAPIYAML(c *fiber.Ctx) error { return d.yaml.send(c) }

// openAPIJSON answers GET /openapi.json.
func (d contract) openAPIJSON(c *fiber.Ctx) error { return d.json.send(c) }

// textAt is the text at the end of a path of members; "" when there is none.
func textAt(root *yaml.Node, path ...string) string {
	n := root.Content[0]
	for _, name := range path {
		if n = valueOf(n, name); n == nil {
			return ""
		}
	}
	return n.Value
}

// valueOf is the value of a map's member; nil when there is none.
func valueOf(n *yaml.Node, name string) *yaml.Node {
	for pair := range slices.Chunk(n.Content, 2) {
		if n.Kind == yaml.MappingNode && pair[0].Value == name {
			return pair[1]
		}
	}
	return nil
}

// writeJSON writes n with its members in the order of the document, which is
// the order in which people read it. YAML's JSON schema is all that it knows:
// text, numbers, booleans, null, lists and maps with textual keys (YAML 1.2,
// section 10.2); anchors are written out.
func writeJSON(to *jsontext.Encoder, n *yaml.Node) error {
	switch n.Kind {
	case yaml.DocumentNode:
		return writeJSON(to, n.Content[0])
	case yaml.AliasNode:
		return writeJSON(to, n.Alias)
	case yaml.MappingNode:
		return writeAll(to, jsontext.BeginObject, n.Content, jsontext.EndObject)
	case yaml.SequenceNode:
		return writeAll(to, jsontext.BeginArray, n.Content, jsontext.EndArray)
	case yaml.ScalarNode:
		return writeScalar(to, n)
	}
	return fmt.Errorf("line %d: no JSON for this", n.Line)
}

func writeAll(to *jsontext.Encoder, begin jsontext.Token, nodes []*yaml.Node, end jsontext.Token) error {
	err := to.WriteToken(begin)
	for _, n := range nodes {
		err = errors.Join(err, writeJSON(to, n))
	}
	return errors.Join(err, to.WriteToken(end))
}

func writeScalar(to *jsontext.Encoder, n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return to.WriteToken(jsontext.String(n.Value))
	case "!!bool":
		return to.WriteToken(jsontext.Bool(n.Value == "true"))
	case "!!null":
		return to.WriteToken(jsontext.Null)
	case "!!int", "!!float":
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return to.WriteValue(jsontext.Value(n.Value))
		}
	}
	return fmt.Errorf("line %d: no JSON for %q", n.Line, n.Value)
}
