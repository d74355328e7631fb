package auth0

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxNesting is how deep objects and arrays may lie in each other.
const maxNesting = 32

// object is where the walk through a JSON object stands: before a value.
type object struct{ dec *jsontext.Decoder }

// walkObject calls member once for each member of the object in text, with its
// name byte for byte ("Exp" is not "exp"); member must read the value. JSON is
// strict: UTF-8, no name twice in one object at any depth, nothing after the
// end. Any departure is an error, found at the latest when the walk ends: what
// member has gathered counts only if walkObject gives nil.
func walkObject(text []byte, member func(name string, o object) error) error {
	return json.Unmarshal(text, &walk{member})
}

type walk struct {
	member func(name string, o object) error
}

// UnmarshalJSONFrom makes a walk something that json.Unmarshal can fill.
func (w *walk) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	o := object{dec}
	if err := o.expect('{'); err != nil {
		return err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := w.member(name.String(), o); err != nil {
			return err
		}
	}
	return o.expect('}')
}

// errNotStrict stands for all that valid JSON may be and we do not take.
var errNotStrict = errors.New("not the JSON that belongs here")

func (o object) expect(kind jsontext.Kind) error {
	token, err := o.dec.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != kind {
		return errNotStrict
	}
	return nil
}

// kind is the kind of the value that is next: '"' for a string, '0' for a
// number, and so on.
func (o object) kind() jsontext.Kind { return o.dec.PeekKind() }

// text reads a string.
func (o object) text() (string, error) {
	if o.kind() != '"' {
		return "", errNotStrict
	}
	token, err := o.dec.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

// texts reads a string, or an array of strings.
func (o object) texts() ([]string, error) {
	if o.kind() == '"' {
		s, err := o.text()
		return []string{s}, err
	}
	if err := o.expect('['); err != nil {
		return nil, err
	}
	all := []string{}
	for o.kind() != ']' {
		s, err := o.text()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, o.expect(']')
}

// number reads a number as it is written.
func (o object) number() (string, error) {
	if o.kind() != '0' {
		return "", errNotStrict
	}
	token, err := o.dec.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

// other reads any value: strings and booleans as they are, else nil.
func (o object) other() (any, error) {
	depth := o.dec.StackDepth()
	token, err := o.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '"':
		return token.String(), nil
	case 't', 'f':
		return token.Bool(), nil
	default: // null, a number, or the beginning of an object or array
	}
	for o.dec.StackDepth() > depth {
		if o.dec.StackDepth() > maxNesting {
			return nil, errNotStrict
		}
		if _, err := o.dec.ReadToken(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// each reads an array and calls item with every value in it, as it is written.
func (o object) each(item func(text []byte)) error {
	if err := o.expect('['); err != nil {
		return err
	}
	for o.kind() != ']' {
		value, err := o.dec.ReadValue()
		if err != nil {
			return err
		}
		item(value)
	}
	return o.expect(']')
}
