package auth0

import (
	"encoding/binary"
	"testing"
	"time"

	"timesheets/application/access"
)

var morning = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func mark(n uint32) (f fingerprint) {
	binary.BigEndian.PutUint32(f[:], n)
	return f
}

func TestTheCacheIsBoundedAndKeepsWhatCameLast(t *testing.T) {
	t.Parallel()
	var c cache
	claims := access.Claims{ExpiresAt: morning.Add(time.Hour)}
	const many = 10 * cacheSize
	for n := range uint32(many) {
		c.put(mark(n), 1, morning, claims)
		if held := len(c.young) + len(c.old); held > cacheSize {
			t.Fatalf("it holds %d tokens", held)
		}
	}
	for n := range uint32(cacheSize / 2) {
		if _, found := c.get(mark(many-1-n), 1, morning); !found {
			t.Fatalf("token %d from the end is gone", n)
		}
	}
	if _, found := c.get(mark(0), 1, morning); found {
		t.Error("the first token is still there")
	}
}

func TestACachedTokenCountsUnderItsOwnKeysAndForItsOwnTime(t *testing.T) {
	t.Parallel()
	var c cache
	c.put(mark(1), 7, morning, access.Claims{Subject: "long", ExpiresAt: morning.Add(time.Hour)})
	c.put(mark(2), 7, morning, access.Claims{Subject: "short", ExpiresAt: morning.Add(time.Second)})
	c.put(mark(3), 7, morning, access.Claims{Subject: "over", ExpiresAt: morning})
	for _, tt := range []struct {
		name       string
		token      uint32
		generation uint64
		after      time.Duration
		want       string
	}{
		{"at once", 1, 7, 0, "long"},
		{"just before the minute is over", 1, 7, time.Minute - 1, "long"},
		{"when the minute is over", 1, 7, time.Minute, ""},
		{"just before exp", 2, 7, time.Second - 1, "short"},
		{"at exp", 2, 7, time.Second, ""},
		{"past exp from the start", 3, 7, 0, ""},
		{"after the keys changed", 1, 8, 0, ""},
		{"another token", 4, 7, 0, ""},
	} {
		got, found := c.get(mark(tt.token), tt.generation, morning.Add(tt.after))
		if got.Subject != tt.want || found != (tt.want != "") {
			t.Errorf("%s: got %q, %t", tt.name, got.Subject, found)
		}
	}
}
