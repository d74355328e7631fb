// Package assembly has what the programs share when they are put together:
// the environment, read once and judged as a whole, secrets that do not print,
// and the log.
package assembly

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Environment is the environment of a process: what os.Environ gives.
type Environment []string

// Read fills a T, a struct with env tags, from the environment. The error
// names every variable that is wrong or missing, each on a line, and no value
// that could be a secret.
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
	if err == nil {
		return into, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return into, err
	}
	var mistakes []error
	for _, one := range all.Errors {
		mistakes = append(mistakes, mistake(one))
	}
	return into, errors.Join(mistakes...)
}

// mistake says what is wrong with one variable, in words for an operator.
func mistake(err error) error {
	if missing, ok := errors.AsType[env.VarIsNotSetError](err); ok {
		return fmt.Errorf("%s is not set", missing.Key)
	}
	if unreadable, ok := errors.AsType[env.ParseError](err); ok {
		return fmt.Errorf("%s: %w", unreadable.Name, unreadable.Err)
	}
	return err
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
// Both, or neither, is an error.
func SecretFrom(name string, value Secret, file string) (Secret, error) {
	switch {
	case value != "" && file != "":
		return "", fmt.Errorf("set %s or %s_FILE, not both", name, name)
	case value != "":
		return value, nil
	case file == "":
		return "", fmt.Errorf("%s or %s_FILE is not set", name, name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("%s_FILE: the file %s is empty", name, file)
	}
	return Secret(secret), nil
}
