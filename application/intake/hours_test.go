package intake_test

import (
	"errors"
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestADayHas24Hours(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	r := o.Receive(t, office.Row("1", office.Hours("20")), office.Row("2", office.Hours("4")), office.Row("3", office.Hours("0.5")))
	if got, want := office.Outcomes(r), "created created rejected:day_over_24h"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if p := r.Results[2].Problem; p.Field != "/hours" || p.Detail != "2026-11-20 would come to 24.5 hours (88200 seconds) for this worker: a day has 24." {
		t.Errorf("the day and its sum are not named: %+v", p)
	}
	for _, step := range []struct {
		name string
		rows []intake.Row
		want string
	}{
		{"what shrinks makes room first", []intake.Row{office.Row("3", office.Hours("0.5")), office.Row("1", office.Hours("19"))}, "created updated"},
		{"by 2 seconds too much", []intake.Row{office.Row("4", office.Hours("0.5006"))}, "rejected:day_over_24h"},
		{"once more is known", []intake.Row{office.Row("4", office.Hours("0.5006"))}, "rejected:day_over_24h!"},
		{"exactly 24 hours", []intake.Row{office.Row("4", office.Hours("0.5"))}, "created"},
		{"an update counts by its difference", []intake.Row{office.Row("4", office.Hours("0.4"), office.Project("Shop"))}, "updated"},
		{"what moves away makes room first", []intake.Row{office.Row("5", office.Hours("19")), office.Row("1", office.Hours("19"), office.On("2026-11-19"))}, "created updated"},
		{"a refused move leaves no room", []intake.Row{office.Row("6", office.Hours("3")), office.Row("2", office.Hours("6"), office.On("2026-11-19"))},
			"rejected:day_over_24h rejected:day_over_24h"},
	} {
		if got := office.Outcomes(o.Receive(t, step.rows...)); got != step.want {
			t.Fatalf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}

func TestHoursOfAllSourcesCountAndRejectedOrDeletedOnesDoNot(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	if _, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: "toggl", Rows: []intake.Row{office.Row("1", office.Hours("10"))}}); err != nil {
		t.Fatal(err)
	}
	byHand := fixture.Content()
	byHand.Duration = fixture.Hours("10")
	if _, err := o.Recorder.Record(t.Context(), fixture.Person("ann"), byHand, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := office.Outcomes(o.Receive(t, office.Row("1", office.Hours("5")), office.Row("2", office.Hours("4")))), "rejected:day_over_24h created"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), o.Held(t, "2").ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	if got, want := office.Outcomes(o.Receive(t, office.Row("3", office.Hours("4")))), "created"; got != want {
		t.Errorf("a rejected entry still counts: %s", got)
	}
	if got, want := office.Outcomes(o.Receive(t, office.Row("2", office.Hours("3")))), "rejected:day_over_24h"; got != want {
		t.Errorf("a rejected entry that is pending again does not count: %s", got)
	}
	if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), o.Held(t, "3").ID(), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := office.Outcomes(o.Receive(t, office.Row("2", office.Hours("3")))), "updated"; got != want {
		t.Errorf("a deleted entry still counts: %s", got)
	}
}

func TestOneRowIsHeldAgainstTheDayToo(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1", office.Hours("20")))
	_, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("2", office.Hours("4.5")), false)
	if f := fault.Of(err); !errors.Is(err, fault.Invalid) || f.Code != "day_over_24h" || f.Fields[0].Pointer != "/hours" {
		t.Errorf("got %v", err)
	}
}
