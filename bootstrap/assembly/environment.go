// Package assembly has what the programs share when they are put together:
// the environment, read once and judged as a whole, secrets that do not print,
// and the log.
package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Environment is the environment of a process: what os.Environ gives.
type Environment []string

// Read fills a T, a struct with env tags, from the environment. The error has a
// Mistake for every variable that is wrong or missing, and no value that could be
// a secret. What cannot be read has its default then, so that whoever judges the
// rest finds nothing wrong with it again.
func Read[T any](e Environment) (T, error) {
	variables := make(map[string]string, len(e))
	for _, line := range e {
		name, value, _ := strings.Cut(line, "=")
		if value != "" { // empty is how manifests and shells write "not set"
			variables[name] = value
		}
	}
	var into T
	err := env.ParseWithOptions(&into, env.Options{Environment: variables})
	var all env.AggregateError
	if !errors.As(err, &all) {
		return into, err
	}
	var mistakes []error
	for _, one := range all.Errors {
		m := mistake(reflect.TypeFor[T](), one)
		if m, ok := errors.AsType[Mistake](m); ok {
			delete(variables, m.Variable)
		}
		mistakes = append(mistakes, m)
	}
	var rest T
	_ = env.ParseWithOptions(&rest, env.Options{Environment: variables}) // again without those that are missing
	return rest, Mistakes(mistakes...)
}

// mistake says what is wrong with one variable of config, in words for an
// operator.
func mistake(config reflect.Type, err error) error {
	if missing, ok := errors.AsType[env.VarIsNotSetError](err); ok {
		return Mistake{missing.Key, missing.Key + " is not set"}
	}
	unreadable, ok := errors.AsType[env.ParseError](err)
	if !ok {
		return err
	}
	variable := variableOf(config, unreadable.Name, unreadable.Type)
	if variable == "" {
		return err
	}
	if number, ok := errors.AsType[*strconv.NumError](unreadable.Err); ok && number.Func != "ParseBool" && errors.Is(number, strconv.ErrSyntax) {
		kind := "a number"
		if number.Func == "ParseInt" {
			kind = "a whole number"
		}
		return Mistake{variable, fmt.Sprintf("%s is %s, not %q", variable, kind, number.Num)}
	}
	return Mistake{variable, fmt.Sprintf("%s: %v", variable, unreadable.Err)}
}

// variableOf gives the variable that a field of config is read from; the reader
// of the environment knows fields by their names.
func variableOf(config reflect.Type, name string, kind reflect.Type) string {
	for field := range config.Fields() {
		variable, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case variable != "" && field.Name == name && field.Type == kind:
			return variable
		case variable == "" && field.Type.Kind() == reflect.Struct:
			if within := variableOf(field.Type, name, kind); within != "" {
				return field.Tag.Get("envPrefix") + within
			}
		}
	}
	return ""
}

// Secret is a value that prints as ***, whatever prints it.
type Secret string

// String hides the value.
func (s Secret) String() string { return "***" }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return "***" }

// Reveal gives the value to the one who needs it.
func (s Secret) Reveal() string { return string(s) }

// SecretFrom gives the secret of a variable, or of the file that the variable
// with _FILE names; white space around the text of a file is not part of it.
// Both, or neither, is a Mistake. None shows what _FILE says: some put the secret
// itself there.
func SecretFrom(name string, value Secret, file string) (Secret, error) {
	mistake := func(format string, args ...any) (Secret, error) {
		return "", Mistake{name, fmt.Sprintf(format, args...)}
	}
	switch {
	case value != "" && file != "":
		return mistake("set %s or %s_FILE, not both", name, name)
	case value != "":
		return value, nil
	case file == "":
		return mistake("%s or %s_FILE is not set", name, name)
	}
	text, err := os.ReadFile(file)
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	if err != nil {
		return mistake("%s_FILE must name a file with the secret in it: %v", name, err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return mistake("%s_FILE names a file that is empty", name)
	}
	return Secret(secret), nil
}
