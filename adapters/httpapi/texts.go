package httpapi

import (
	"hash/maphash"
	"strings"
)

// texts keeps the strings of one request. Rows say the same worker, project
// and task again and again: each is kept once, and nothing is allocated for a
// string of its own but its bytes. It holds copies, so the body that they were
// read from may be used again; they live as long as any of them is needed.
//
// It is for one goroutine. The zero value is ready for use.
type texts struct {
	seed  maphash.Seed
	met   []string // by hash: the last text with it
	block strings.Builder
}

const (
	textsMet   = 1024     // more than that different ones, and some are kept twice
	textsBlock = 32 << 10 // bytes that are allocated at a time
)

// again gives b as a string that is likely to come again.
func (t *texts) again(b []byte) string {
	if t.met == nil {
		t.met, t.seed = make([]string, textsMet), maphash.MakeSeed()
	}
	last := &t.met[maphash.Bytes(t.seed, b)%textsMet]
	if *last != string(b) {
		*last = t.once(b)
	}
	return *last
}

// once gives b as a string that is not likely to come again.
func (t *texts) once(b []byte) string {
	switch {
	case len(b) > textsBlock/8: // what is left of a block is lost
		return string(b)
	case len(b) > t.block.Cap()-t.block.Len():
		t.block = strings.Builder{}
		t.block.Grow(textsBlock)
	}
	t.block.Write(b)
	all := t.block.String()
	return all[len(all)-len(b):]
}
