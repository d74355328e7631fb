package httpapi

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
)

// whole lets rows be compared by all that they hold.
var whole = cmp.AllowUnexported(intake.Row{}, timesheet.Day{}, timesheet.Duration{})

const plainRow = `{"external_id":"1","user_id":"ann","date":"2026-11-20","project":"Portal","hours":7.5}`

// seeds are rows, some of them broken, and what a row may break on.
var seeds = []string{
	plainRow,
	` { "external_id" : "1" , "worker" : { "source" : "kimai" , "id" : "7" } , "date" : "2026-11-20T09:00:00+01:00" , "seconds" : 27000 } `,
	`{"worker":{"email":"ann@exampleco.com"},"hours":"7.5","tags":["a","b\n","ü"],"time_zone":"Europe\/Berlin","billable":false}`,
	`{"hours":1,"tags":[],"started_at":"2026-11-20T09:00:00.123456789Z","source_updated_at":"2026-11-20T09:00:00-00:00","source":"kimai"}`,
	`{"hours":1,"seconds":3600,"description":"\ud83d\ude00 \u00fc \"\\\b","task":"😀"}`,
	`{"hours":1,"seconds":3601}`, `{"hours":0.0001,"seconds":1}`, `{"seconds":1.0}`, `{"seconds":-0}`, `{"seconds":007}`, `{"seconds":1e1}`, `{"hours":-0}`,
	`{"hours":1e309}`, `{"hours":+1}`, `{"hours":.5}`, `{"hours":1.}`, `{"hours":01}`, `{"hours":1e0}`, `{"hours":"1 "}`, `{"hours":NaN}`, `{"hours":1-1}`,
	`{"hours":1,"hours":1}`, `{"hours":1,"user_id":"a","worker":{"email":"b"}}`, `{"hours":1,"worker":{"email":"b","email":"b"}}`,
	`{"hours":1,"worker":{"email":"","email":"b"}}`, `{"hours":1,"worker":{"source":"","email":"b"}}`, `{"hours":1,"worker":{}}`, `{"hours":1,"worker":{"Email":"b"}}`,
	`{"hours":1,"Project":"a"}`, `{"hours":1,"surprise":{"a":[1,{"b":null}]}}`, `{"hours":1,"project":null}`, `{"hours":1,"billable":1}`, `{"hours":1,"billable":truex}`,
	`{"hours":1,"external_id":"~1"}`, `{"hours":1,"external_id":""}`, `{"hours":1,"external_id":"a","external_id":"b"}`, `{"hours":1,"source":"api"}`, `{"hours":1,"source":"A"}`,
	`{"hours":1,"project":"` + "\xff" + `"}`, `{"hours":1,"project":"` + "\x01" + `"}`, `{"hours":1,"project":"\u0000"}`, `{"hours":1,"project":"\ud800"}`, `{"hours":1,"project":"\udc00\ud800"}`,
	`{"hours":1,"project":"\x"}`, `{"hours":1,"project":"\u12"}`, `{"hours":1,"project":"` + "\xed\xa0\x80" + `"}`, `{"hours":1,"project":"\ufeff\ufffd"}`, `{"hours":1,"pro\u006aect":"a"}`,
	`{"hours":1,}`, `{,"hours":1}`, `{"hours":1 "task":"a"}`, `{"hours":1`, `{"hours":1}}`, `{"hours":1}{"hours":1}`, `{"hours":1}]`, `{}`, ``, `null`, `1`, `"a"`, `[]`, `[1]`,
	"\ufeff" + plainRow, "\v" + plainRow, plainRow + "\x00", `{"hours":1,"tags":["a",]}`, `{"hours":1,"tags":["a" "b"]}`, `{"hours":1,"tags":[1]}`, `{"hours":1,"tags":null}`,
	`{"hours":1,"surprise":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
	`{"hours":1,"time_zone":""}`, `{"hours":1,"date":"2026-02-30"}`, `{"hours":1,"date":"2026-11-20T24:00:00Z"}`, `{"hours":1,"started_at":"2026-11-20T9:00:00Z"}`,
	`{"hours":1,"description":"` + strings.Repeat("a", maxBody) + `"}`,
}

// checkSame holds what the quick way makes of a text, as a body and as a line,
// against what the strict way makes of it.
func checkSame(t *testing.T, text []byte) {
	t.Helper()
	kept := bytes.Clone(text)
	quick, errQuick := rowsOfArray(text)
	strict, errStrict := strictRows(kept)
	if !reflect.DeepEqual(strict, quick) || fmt.Sprint(errQuick) != fmt.Sprint(errStrict) {
		t.Errorf("%q: %v, want %v (-want +got)\n%s", text, errQuick, errStrict, cmp.Diff(strict, quick, whole))
	}
	line := bytes.Trim(bytes.ReplaceAll(kept, []byte("\n"), []byte(" ")), " \t\r\n")
	if len(line) == 0 {
		return
	}
	lines, err := rowsOfLines(line)
	if want := []intake.Row{readRow(line)}; err != nil || !reflect.DeepEqual(want, lines) {
		t.Errorf("%q as a line: %v (-want +got)\n%s", line, err, cmp.Diff(want, lines, whole))
	}
	if !bytes.Equal(text, kept) {
		t.Errorf("%q was changed to %q", kept, text)
	}
}

func TestTheQuickWayReadsWhatTheStrictWayDoes(t *testing.T) {
	t.Parallel()
	for _, row := range seeds {
		checkSame(t, []byte(row))
		for _, form := range []string{"[%s]", " [ %s , %s ] ", "[" + plainRow + ",%s]", "[%s," + plainRow + "]", "[%s],", "[%s,]", "[,%s]", "[%s", "[%s] x", "[%s %s]", "[[%s]]", "[%s]]"} {
			checkSame(t, []byte(strings.ReplaceAll(form, "%s", row)))
		}
	}
	deep := strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999)
	checkSame(t, []byte("["+deep+"]"))
	checkSame(t, []byte("[["+deep+"]]"))
	checkSame(t, []byte("["+strings.Repeat(plainRow+",", intake.MaxRows-1)+plainRow+"]"))
	checkSame(t, []byte("["+strings.Repeat(plainRow+",", intake.MaxRows)+plainRow+"]"))
	checkSame(t, []byte("["+strings.Repeat(plainRow+",", intake.MaxRows)+"x]"))
}

func FuzzTheQuickWayReadsWhatTheStrictWayDoes(f *testing.F) {
	for _, row := range seeds {
		f.Add([]byte(row))
		f.Add([]byte("[" + row + "]"))
		f.Add([]byte("[" + plainRow + "," + row + "]"))
	}
	f.Fuzz(checkSame)
}

// What most clients send must not fall back: nobody would notice but the
// machine.
func TestOrdinaryRowsAreReadTheQuickWay(t *testing.T) {
	t.Parallel()
	for _, row := range seeds[:5] {
		p := plain{in: []byte("[" + row + "," + row + "]"), texts: new(texts)}
		p.skip()
		p.next('[')
		p.skip()
		if !p.row(new(intake.Row)) {
			t.Errorf("%s is not read the quick way", row)
		}
	}
}

func TestRowsOutliveTheBodyTheyCameIn(t *testing.T) {
	t.Parallel()
	body := []byte("[" + strings.Join(seeds[:5], ",") + "]")
	rows, err := rowsOfArray(body)
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	want, _ := rowsOfArray(bytes.Clone(body))
	clear(body)
	for i := range rows {
		rows[i].Text, want[i].Text = nil, nil
	}
	if diff := cmp.Diff(want, rows, whole); diff != "" {
		t.Errorf("a row has what stands in the body now (-want +got)\n%s", diff)
	}
}

func TestTextsAreKeptAsTheyWere(t *testing.T) {
	t.Parallel()
	var kept texts
	var got, want []string
	for i := range 5000 {
		for _, s := range []string{fmt.Sprint("once ", i), fmt.Sprint("again ", i%1500), "", strings.Repeat("long ", i%3*1000)} {
			b := []byte(s)
			want, got = append(want, s, s), append(got, kept.once(b), kept.again(b))
			clear(b)
		}
	}
	if !slices.Equal(want, got) {
		t.Error("a text has changed")
	}
}
