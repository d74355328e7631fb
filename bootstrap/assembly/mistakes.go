package assembly

import (
	"cmp"
	"errors"
	"strings"

	"timesheets/domain/fault"
)

// Mistake is what is wrong with one variable.
type Mistake struct {
	Variable string
	Text     string // names the variable, or those that have the same meaning
}

// Error gives the text.
func (m Mistake) Error() string { return m.Text }

// Mistakes puts together what is wrong with an environment, a line each. Of one
// variable it tells the first mistake: others may come of that.
func Mistakes(errs ...error) error {
	var list []error
	told := map[string]bool{}
	for _, one := range each(errors.Join(errs...)) {
		if m, ok := errors.AsType[Mistake](one); ok {
			if told[m.Variable] {
				continue
			}
			told[m.Variable] = true
		}
		list = append(list, one)
	}
	return errors.Join(list...)
}

// InWords gives the faults in err without the codes that are for programs: each
// as a mistake of the variable that it says it is about, or that variables has
// for its code.
func InWords(err error, variables map[string]string) error {
	all := each(err)
	words := make([]error, 0, len(all))
	for _, one := range all {
		if f, ok := errors.AsType[*fault.Error](one); ok {
			one = inWords(f, cmp.Or(f.Extra["variable"], variables[f.Code]))
		}
		words = append(words, one)
	}
	return errors.Join(words...)
}

func inWords(f *fault.Error, variable string) error {
	switch {
	case variable == "":
		return errors.New(f.Text)
	case strings.Contains(f.Text, variable):
		return Mistake{variable, f.Text}
	}
	return Mistake{variable, variable + ": " + f.Text}
}

// each gives the errors that were joined, one by one.
func each(err error) []error {
	switch err := err.(type) { //nolint:errorlint // each error by itself, not the first in the tree
	case nil:
		return nil
	case *fault.Error: // which has a kind and a cause in it, and is one mistake
		return []error{err}
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range err.Unwrap() {
			all = append(all, each(one)...)
		}
		return all
	}
	return []error{err}
}
