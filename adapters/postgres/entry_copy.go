package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"timesheets/domain/timesheet"
)

// The binary format of COPY (PostgreSQL manual, "COPY", "Binary Format"):
// a signature, then for each row the number of its fields, and for each field
// its length, -1 for null, and its bytes. Encoded by hand it costs a third of
// pgx.CopyFrom, and a batch of new entries is the most frequent work of all.

var copySignature = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// epoch is where PostgreSQL counts dates and timestamps from.
var epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

const unixEpochDays = 10957 // from 1970-01-01 to epoch

type copyBuffer struct{ b []byte }

var copyBuffers = sync.Pool{New: func() any { return new(copyBuffer) }}

func (c *copyBuffer) null() { c.b = binary.BigEndian.AppendUint32(c.b, 0xffffffff) }

func (c *copyBuffer) text(s string) {
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(len(s)))
	c.b = append(c.b, s...)
}

func (c *copyBuffer) nullText(s string) {
	if s == "" {
		c.null()
		return
	}
	c.text(s)
}

func (c *copyBuffer) id(id timesheet.ID) {
	c.b = binary.BigEndian.AppendUint32(c.b, 16)
	c.b = append(c.b, id[:]...)
}

func (c *copyBuffer) int4(v int) {
	c.b = binary.BigEndian.AppendUint32(c.b, 4)
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(int32(v)))
}

func (c *copyBuffer) bool(v bool) {
	c.b = binary.BigEndian.AppendUint32(c.b, 1)
	if v {
		c.b = append(c.b, 1)
	} else {
		c.b = append(c.b, 0)
	}
}

func (c *copyBuffer) instant(t time.Time) {
	if t.IsZero() {
		c.null()
		return
	}
	c.b = binary.BigEndian.AppendUint32(c.b, 8)
	// Not t.Sub(epoch): a time.Duration ends after 292 years.
	c.b = binary.BigEndian.AppendUint64(c.b, uint64(t.UnixMicro()-epoch.UnixMicro()))
}

// jsonb writes JSON text behind the version of the format.
func (c *copyBuffer) jsonb(s *string) {
	if s == nil {
		c.null()
		return
	}
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(len(*s)+1))
	c.b = append(c.b, 1)
	c.b = append(c.b, *s...)
}

// entry writes one row of allEntryColumns.
func (c *copyBuffer) entry(org string, s *timesheet.Snapshot, writeID timesheet.ID, position int) error {
	tags, err := tagsJSON(s.Content.Tags)
	if err != nil {
		return err
	}
	const columns = 32
	c.b = binary.BigEndian.AppendUint16(c.b, columns)
	c.text(org)
	c.id(s.ID)
	c.text(s.Origin.Source)
	c.text(s.Origin.ExternalID)
	c.text(s.Content.UserID)
	c.int4(s.Content.Day.Unix() - unixEpochDays)
	c.int4(s.Content.Duration.Seconds())
	c.text(s.Content.Project)
	c.nullText(s.Content.Task)
	c.nullText(s.Content.Description)
	c.bool(s.Content.Billable)
	c.instant(s.Content.StartedAt)
	c.nullText(s.Content.TimeZone)
	c.jsonb(tags)
	c.text(string(s.Status))
	c.int4(s.Version)
	c.text(string(s.Change))
	c.instant(s.CreatedAt)
	c.text(s.CreatedBy)
	c.instant(s.UpdatedAt)
	c.text(s.UpdatedBy)
	if s.ImportID.IsZero() {
		c.null()
	} else {
		c.id(s.ImportID)
	}
	c.nullText(s.HandBy)
	c.instant(s.DecidedAt)
	c.nullText(s.DecidedBy)
	c.nullText(s.Reason)
	c.instant(s.DeletedAt)
	c.nullText(string(s.Deletion))
	if s.Received.Digest.IsZero() {
		c.null()
	} else {
		c.id(timesheet.ID(s.Received.Digest))
	}
	c.instant(s.Received.SourceUpdatedAt)
	c.id(writeID)
	c.int4(position)
	return nil
}

// entryStream is the COPY of entries as a reader that encodes as it is read:
// the server stores the first while the next are written, and no more than a
// piece of them is ever in memory.
type entryStream struct {
	org     string
	writeID timesheet.ID
	rest    []placed
	ended   bool
	piece   *copyBuffer
	unread  []byte // of piece
}

// pieceSize is about how many bytes are encoded at a time: what the driver
// reads at once.
const pieceSize = 64 << 10

func (s *entryStream) Read(into []byte) (int, error) {
	if len(s.unread) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if err := s.encode(); err != nil {
			return 0, err
		}
	}
	n := copy(into, s.unread)
	s.unread = s.unread[n:]
	return n, nil
}

func (s *entryStream) encode() error {
	for len(s.rest) > 0 && len(s.piece.b) < pieceSize {
		entry := s.rest[0].after.Snapshot()
		if err := s.piece.entry(s.org, &entry, s.writeID, s.rest[0].position); err != nil {
			return err
		}
		s.rest = s.rest[1:]
	}
	if len(s.rest) == 0 {
		s.piece.b = binary.BigEndian.AppendUint16(s.piece.b, 0xffff)
		s.ended = true
	}
	s.unread, s.piece.b = s.piece.b, s.piece.b[:0]
	return nil
}

// copyEntries inserts new entries.
func copyEntries(ctx context.Context, tx *transaction, org string, writeID timesheet.ID, created []placed) error {
	c := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(c)
	c.b = append(c.b[:0], copySignature...)
	stream := entryStream{org: org, writeID: writeID, rest: created, piece: c}
	tag, err := tx.copyIn(ctx, &stream, `COPY entries (`+allEntryColumns+`) FROM STDIN WITH (FORMAT binary)`)
	if err != nil {
		return err
	}
	if n := tag.RowsAffected(); n != int64(len(created)) {
		return fmt.Errorf("COPY took %d of %d entries", n, len(created))
	}
	return nil
}
