package apitest

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/getkin/kin-openapi/openapi3"
)

// undocumented finds members of an answer that the document does not name.
// Clients must ignore what they do not know, so a validator lets them pass;
// but whoever adds a member shall write it down.
func undocumented(schema *openapi3.SchemaRef, body []byte) []error {
	if schema == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return []error{err}
	}
	return strangers(schema.Value, value, "")
}

func strangers(schema *openapi3.Schema, value any, at string) []error {
	if len(schema.OneOf) > 0 {
		// Which of them it is, the validator has found out; here the best counts.
		var best []error
		for i, alternative := range schema.OneOf {
			if found := strangers(alternative.Value, value, at); i == 0 || len(found) < len(best) {
				best = found
			}
		}
		return best
	}
	var found []error
	switch v := value.(type) {
	case []any:
		if schema.Items == nil {
			return nil
		}
		for i, element := range v {
			if i == 3 { // the others are like these
				break
			}
			found = append(found, strangers(schema.Items.Value, element, fmt.Sprintf("%s/%d", at, i))...)
		}
	case map[string]any:
		known := properties(schema)
		if len(known) == 0 {
			return nil
		}
		for name, member := range v {
			property := known[name]
			if property == nil {
				found = append(found, fmt.Errorf("the member %s/%s is not documented", at, name))
				continue
			}
			found = append(found, strangers(property.Value, member, at+"/"+name)...)
		}
	}
	return found
}

// properties are those of a schema and of all that it is made of.
func properties(schema *openapi3.Schema) openapi3.Schemas {
	all := openapi3.Schemas{}
	for _, part := range schema.AllOf {
		maps.Copy(all, properties(part.Value))
	}
	maps.Copy(all, schema.Properties)
	return all
}
