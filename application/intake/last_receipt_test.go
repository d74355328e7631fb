package intake_test

import (
	"testing"

	"timesheets/application/intake"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// While a row is being taken, another upload of its key is refused and is stored
// first: the row that was taken is the later receipt, and nothing is left to
// retry. Without stamps a retry would otherwise put back what is older.
func TestARowThatWasRefusedMeanwhileIsNoLaterReceipt(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a request", "a part", "an object"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, p, slow := paused(t, "INSERT INTO workers")
			row := office.Row("1", office.Of("zoe"), office.Hours("5"))
			run := begin(t, o)
			var err error
			atOnce(func() {
				switch name {
				case "a request":
					_, err = o.Receiver.Receive(slow, fixture.Job(), intake.Upload{Source: office.Source, Rows: []intake.Row{row}})
				case "a part":
					_, err = upload(slow, o, run, 1, row)
				default:
					_, _, err = o.Receiver.ReceiveOne(slow, fixture.Job(), office.Source, row, false)
				}
			}, func() {
				defer p.goOn()
				<-p.reached
				o.Receive(t, byTracker("1", "42", 2), byTracker("2", "42", 3))
			})
			if err != nil {
				t.Fatal(err)
			}
			knows(t, o, "ann", "42")
			if got := told(retry(t, o, "")); got != "2=created" {
				t.Errorf("retried: %s", got)
			}
			if s := o.Held(t, "1").Snapshot(); s.Content.UserID != "zoe" || s.Version != 1 {
				t.Errorf("the later receipt is %+v", s)
			}
		})
	}
}

// A row of another source has a key of that source: it says nothing of what was
// received here under the same one.
func TestARowOfAnotherSourceIsNoReceiptOfTheKey(t *testing.T) {
	t.Parallel()
	foreign := office.Row("1", from("toggl"))
	wrong := office.Row("1", from("toggl"), office.Unreadable("not_a_date"))
	for name, receive := range map[string]func(*testing.T, *office.Office){
		"a request": func(t *testing.T, o *office.Office) {
			if r := o.Receive(t, foreign, wrong); r.Rejected != 2 || r.Results[0].ExternalID != "1" {
				t.Errorf("it is %+v", r)
			}
		},
		"a part": func(t *testing.T, o *office.Office) { bring(t, o, begin(t, o), 1, foreign, wrong) },
		"beside the key's own row": func(t *testing.T, o *office.Office) {
			o.Receive(t, byTracker("1", "42", 4), foreign)
		},
		"an object": func(t *testing.T, o *office.Office) {
			if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, foreign, false); codeOf(err) != "source_mismatch" {
				t.Errorf("it is %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			o.Receive(t, byTracker("1", "42", 2))
			receive(t, o)
			knows(t, o, "ann", "42")
			if got := told(retry(t, o, "")); got != "1=created" {
				t.Errorf("retried: %s", got)
			}
		})
	}
}

// An object that is refused is not kept, but it is the last receipt of its key:
// what was refused before it is not judged again.
func TestARefusedObjectIsTheLastReceiptOfItsKey(t *testing.T) {
	t.Parallel()
	for name, object := range map[string]intake.Row{
		"it names nobody":      byTracker("1", "43", 4),
		"it breaks a rule":     office.Row("1", office.Project("")),
		"it cannot be read":    office.Row("1", office.Unreadable("wrong_type")),
		"it is of another day": office.Row("1", office.On("1999-12-31")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			o.Receive(t, byTracker("1", "42", 2), byTracker("2", "42", 3))
			if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, object, true); codeOf(err) == "" {
				t.Fatal("the dry run is taken")
			}
			if n := o.Count(t, `SELECT count(*) FROM refused_keys`); n != 2 {
				t.Errorf("after a dry run %d rows are left to retry", n)
			}
			if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, object, false); codeOf(err) == "" {
				t.Fatal("it is taken")
			}
			knows(t, o, "ann", "42")
			if got := told(retry(t, o, "")); got != "2=created" {
				t.Errorf("retried: %s", got)
			}
		})
	}
}
