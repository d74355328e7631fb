package job

import (
	"fmt"
	"io"
	"strings"

	"timesheets/adapters/trackers"
)

// PrintTrackers says which trackers there are, and what each needs to be told.
func PrintTrackers(w io.Writer) {
	for i, kind := range trackers.Kinds() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "TRACKER=%s  %s\n", kind.Name, kind.Help)
		for _, s := range kind.Settings {
			name := s.Name
			if s.Secret {
				name += " or " + s.Name + "_FILE"
			}
			fmt.Fprintf(w, "  %s\n      %s\n", name, s.Help)
			switch {
			case s.Required:
				fmt.Fprintln(w, "      required")
			case s.OneOf != nil:
				fmt.Fprintf(w, "      one of %s; default %s\n", strings.Join(s.OneOf, ", "), s.Default)
			case s.Default != "":
				fmt.Fprintf(w, "      default %s\n", s.Default)
			}
		}
	}
	fmt.Fprintln(w, "\nTRACKER_SOURCE names the entries' source, by default as the tracker. Give each account or person's machine one of its own, and never change it.")
}
