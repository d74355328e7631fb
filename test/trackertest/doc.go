// Package trackertest is a tracker that one can have at hand: a server that
// answers as Kimai does, from the recorded October of Fjordline, a small
// consultancy with seven contractors, two kinds of time zone changes and the
// mistakes that people make: a timer that ran over night, one that still runs,
// a log pasted where a sentence was asked for.
//
// The demo imports from it. Tests also make it misbehave, one answer at a
// time: see [Kimai.Misbehave].
package trackertest
