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
	met   []string // by hash, in pairs: the last two texts with it, the later one first
	block strings.Builder
}

const (
	textsMet   = 2048     // of more different ones some are kept twice
	textsBlock = 32 << 10 // bytes that are allocated at a time
)

// again gives b as a string that is likely to come again.
func (t *texts) again(b []byte) string {
	if t.met == nil {
		t.met, t.seed = make([]string, textsMet), maphash.MakeSeed()
	}
	at := maphash.Bytes(t.seed, b) % (textsMet / 2) * 2
	pair := t.met[at : at+2]
	switch { // to compare costs no string, to switch on one would
	case pair[0] == string(b):
	case pair[1] == string(b):
		pair[0], pair[1] = pair[1], pair[0]
	default:
		pair[0], pair[1] = t.once(b), pair[0]
	}
	return pair[0]
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
