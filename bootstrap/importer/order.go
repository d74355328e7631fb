package main

import (
	"time"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// order is what the command line says of an import.
type order struct {
	Tier    string        `help:"How far back to read: recent (yesterday and today), nightly (a week) or weekly (45 days); in any case back to the last import. Default: recent." placeholder:"TIER"`
	From    string        `help:"The first day, YYYY-MM-DD, in the place of a tier. A file is read whole without --from and --to." placeholder:"DATE"`
	To      string        `help:"The last day, YYYY-MM-DD." placeholder:"DATE"`
	Timeout time.Duration `help:"How long the import may take; what has not landed by then is for the next one." default:"30m"`

	Mirror           *bool `help:"Also delete what the tracker no longer has in these days (IMPORT_MODE=mirror). Of a file, only with --from and --to." negatable:""`
	MaxDeleteCount   *int  `help:"Of a mirror: delete nothing if it would be more than this many entries, and more than --max-delete-percent. Default: 10." placeholder:"N"`
	MaxDeletePercent *int  `help:"Of a mirror: see --max-delete-count. Default: 20." placeholder:"N"`
	AllowEmpty       bool  `help:"Of a mirror: that the tracker has nothing at all is no mistake."`
}

// read gives what is to be imported; mode is the configuration's.
func (o order) read(mode importing.Mode) (importing.Window, importing.Options, error) {
	options := importing.Options{Mode: mode, Guards: importing.Guards{MaxDeleteCount: o.MaxDeleteCount, MaxDeletePercent: o.MaxDeletePercent, AllowEmpty: o.AllowEmpty}}
	if o.Mirror != nil {
		options.Mode = importing.Upsert
		if *o.Mirror {
			options.Mode = importing.Mirror
		}
	}
	window, err := importing.ParseWindow(o.From, o.To)
	if err != nil {
		return window, options, err
	}
	if options.Tier, err = importing.ParseTier(o.Tier); err != nil {
		return window, options, err
	}
	misused := func(code, text string) (importing.Window, importing.Options, error) {
		return window, options, fault.New(fault.Invalid, code, "%s", text)
	}
	switch g := options.Guards; {
	case o.Timeout <= 0:
		return misused("no_time", "--timeout must be more than nothing.")
	case o.Tier != "" && !window.IsZero():
		return misused("two_windows", "Give --tier, or --from and --to, not both.")
	case options.Mode != importing.Mirror && g != importing.Guards{}:
		return misused("no_mirror", "--max-delete-count, --max-delete-percent and --allow-empty are of a mirror: give --mirror too.")
	case g.MaxDeleteCount != nil && *g.MaxDeleteCount < 0:
		return misused("not_a_count", "--max-delete-count must be 0 or more.")
	case g.MaxDeletePercent != nil && (*g.MaxDeletePercent < 0 || *g.MaxDeletePercent > 100):
		return misused("not_a_percentage", "--max-delete-percent goes from 0 to 100.")
	}
	return window, options, nil
}
