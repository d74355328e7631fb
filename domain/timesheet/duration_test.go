package timesheet_test

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

func TestEverySecondOfADayReadsBackThroughHours(t *testing.T) {
	t.Parallel()
	for s := int64(1); s <= timesheet.SecondsADay; s++ {
		d, err := timesheet.DurationFromSeconds(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := timesheet.DurationFromHours(d.Hours())
		if err != nil || back != d || int64(back.Seconds()) != s {
			t.Fatalf("%d s are %s h, which read back as %d s, %v", s, d.Hours(), back.Seconds(), err)
		}
		if _, digits, _ := strings.Cut(d.Hours(), "."); len(digits) > 4 || strings.HasSuffix(digits, "0") {
			t.Fatalf("%d s are written %s", s, d.Hours())
		}
	}
}

func TestHoursAreRoundedHalfUpToTheSecond(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hours string
		want  int
	}{
		{"8", 28800}, {"7.5", 27000}, {"7.50", 27000}, {"7.33", 26388}, {"0.3333", 1200}, {"24", 86400}, {"24.000", 86400},
		// Half a second is 1/7200 h, which no decimal is: these are as near as 60 digits come.
		{"0.000138888888888888888888888888888888888888888888888888888889", 1},
		{"1.000138888888888888888888888888888888888888888888888888888889", 3601},
		{"1.000138888888888888888888888888888888888888888888888888888888", 3600},
		{"0.000416666666666666666666666666666666666666666666666666666667", 2},
		{"0.000416666666666666666666666666666666666666666666666666666666", 1},
		// 1/7200 × 9 = 0.00125 h are 4.5 s exactly.
		{"0.00125", 5}, {"1.00125", 3605}, {"23.99875", 86396},
		{"1e0", 3600}, {"1E0", 3600}, {"75e-1", 27000}, {"0.75e+1", 27000}, {"2.4e1", 86400}, {"750E-02", 27000}, {"0.0000000001e10", 3600},
		{"1" + "e0000000000000000000000000000000000001", 36000},
		{"7." + strings.Repeat("3", 62), 26400},
	} {
		t.Run(tt.hours, func(t *testing.T) {
			t.Parallel()
			d, err := timesheet.DurationFromHours(tt.hours)
			if err != nil || d.Seconds() != tt.want {
				t.Errorf("%s h are %d s, %v; want %d s", tt.hours, d.Seconds(), err, tt.want)
			}
		})
	}
}

func TestWhatIsNoDurationIsRefused(t *testing.T) {
	t.Parallel()
	for code, texts := range map[string][]string{
		"out_of_range": {
			"0", "0.0", "-0", "-1", "-7.5", "0e9", "24.0001", "24.00000000000000000000000000000000000000000000000001", "25", "1e2", "1000000",
			"1e99", "1e128", "1e129", "1e-128", "1e-129", "1e999999999", "1e-999999999", "-1e999999999", "1e99999999999999999999", "9e-99999999999999999999",
			"0.0001", "0.000138888888888888888888888888888888888888888888888888888888", "1e-9",
		},
		"not_a_number": {
			"", " ", "8 ", " 8", "+8", "08", "00", "8.", ".5", "-", "--1", "1e", "1e+", "e1", "1e1.5", "1e1e1", "1.2.3", "7,5", "7:30", "7h30",
			"0x8", "0b1", "0o7", "1_0", "1/2", "1p3", "Inf", "-Inf", "NaN", "true", "null", "８", "٨", "8\x00", "\xff", "8\n", "1e1\n",
			strings.Repeat("1", 65), "7." + strings.Repeat("3", 63), "0." + strings.Repeat("0", 1<<20) + "1",
		},
	} {
		for _, text := range texts {
			d, err := timesheet.DurationFromHours(text)
			if !errors.Is(err, fault.Invalid) || fault.Of(err).Code != code || d != (timesheet.Duration{}) {
				t.Errorf("%.80q h are %d s, %v; want %s", text, d.Seconds(), err, code)
			}
		}
	}
}

func TestSecondsGoFromOneToADay(t *testing.T) {
	t.Parallel()
	for _, s := range []int64{1, 2, 86399, 86400} {
		if d, err := timesheet.DurationFromSeconds(s); err != nil || int64(d.Seconds()) != s {
			t.Errorf("%d s: got %d s, %v", s, d.Seconds(), err)
		}
	}
	for _, s := range []int64{0, -1, 86401, 1 << 31, 1<<32 + 1, -1 << 63, 1<<63 - 1} {
		if d, err := timesheet.DurationFromSeconds(s); !errors.Is(err, fault.Invalid) || d != (timesheet.Duration{}) {
			t.Errorf("%d s: got %d s, %v", s, d.Seconds(), err)
		}
	}
}

func TestSumsAreWrittenAsHoursToo(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int64]string{
		0: "0", 1: "0.0003", 2: "0.0006", 36: "0.01", 360: "0.1", 3599: "0.9997", 3600: "1", 26388: "7.33", 86401: "24.0003", 88200: "24.5",
		3600 * 1e6: "1000000", -1: "-0.0003", -27000: "-7.5",
	} {
		if got := timesheet.Hours(seconds); got != want {
			t.Errorf("%d s are %s h, want %s", seconds, got, want)
		}
	}
}

// By the definition in rational numbers: seconds = floor(hours × 3600 + 1/2).
func TestAnyDecimalIsRoundedByTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strconv.Itoa(rapid.IntRange(0, 25).Draw(t, "whole"))
		if digits := rapid.StringMatching(`[0-9]{0,30}`).Draw(t, "digits"); digits != "" {
			text += "." + digits
		}
		if rapid.Bool().Draw(t, "scientific") {
			text += fmt.Sprintf("e%d", rapid.IntRange(-3, 3).Draw(t, "exponent"))
		}
		hours, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		doubled := new(big.Rat).Mul(hours, big.NewRat(7200, 1))
		doubled.Add(doubled, big.NewRat(1, 1))
		want := new(big.Int).Div(doubled.Num(), new(big.Int).Mul(doubled.Denom(), big.NewInt(2))).Int64()
		d, err := timesheet.DurationFromHours(text)
		if possible := want >= 1 && hours.Cmp(big.NewRat(24, 1)) <= 0; possible != (err == nil) || possible && int64(d.Seconds()) != want {
			t.Fatalf("%s h: got %d s, %v; want %d s", text, d.Seconds(), err, want)
		}
	})
}

func FuzzADurationOrARefusal(f *testing.F) {
	for _, s := range []string{"7.5", "1e1", "0.0001", "24", "-1", "1/2", "0x1p4", "1e999999999", "1_000", "9.999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := timesheet.DurationFromHours(s)
		if err != nil {
			if d != (timesheet.Duration{}) || !errors.Is(err, fault.Invalid) {
				t.Fatalf("%q: %d s, %v", s, d.Seconds(), err)
			}
			return
		}
		hours, err := strconv.ParseFloat(s, 64)
		if off := hours*3600 - float64(d.Seconds()); err != nil || off > 0.5000001 || off < -0.5000001 {
			t.Fatalf("%q: %d s, %v", s, d.Seconds(), err)
		}
	})
}
