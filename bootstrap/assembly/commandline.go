package assembly

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// ParseCommandLine reads args into line, a struct with kong's tags, and gives
// the command that was chosen. done is true when there is nothing left to do:
// help was asked for and given, or the error has been told on stderr.
func ParseCommandLine(line any, program, description string, args []string, stdout, stderr io.Writer) (command string, done bool, err error) {
	helped := false
	parser, err := kong.New(line, kong.Name(program), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }))
	if err != nil {
		return "", true, err
	}
	// After help kong goes on as if nothing had happened, and may well find
	// that a command is missing.
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		return "", true, nil
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v. See %s --help.\n", program, err, program)
		return "", true, err
	}
	return parsed.Command(), false, nil
}
