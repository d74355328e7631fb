package integration

import "testing"

// What a dry run would make has no address, and what it would change has not
// changed: nothing in the answer may be followed or held against it.
func TestADryRunOfAnObjectLeadsNowhere(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	would := c.job.Post(t, upload+"?dry_run=true", row("1")).Is(t, 201)
	if at, tag := would.Header.Get("Location"), would.Header.Get("ETag"); at != "" || tag != "" {
		t.Errorf("what would be created is at %q, with the tag %q", at, tag)
	}
	c.job.Post(t, upload, row("1")).Is(t, 201)
	if tag := c.job.Post(t, upload+"?dry_run=true", row("1").but(fields{"hours": 2})).Is(t, 200).Header.Get("ETag"); tag != "" {
		t.Errorf("what would be updated has the tag %q", tag)
	}
	if tag := c.job.Post(t, upload+"?dry_run=true", row("1")).Is(t, 200).Header.Get("ETag"); tag != `"1"` {
		t.Errorf("what would be left unchanged has the tag %q", tag)
	}
}
